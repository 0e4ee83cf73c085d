//! Requirements: rules about which documents must exist, for which ventures, how fresh they must be, and what they can
//! be generated from.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::id::RequirementId;
use crate::number::StalenessDays;
use crate::page::{Cursor, Limit, in_query};
use crate::text::{Capability, NamePattern, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations, at_most};

/// The scope of the documents that a requirement applies to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(error = Violations)]
pub enum ScopeType {
    /// Each venture that the requirement applies to needs its own document.
    #[default]
    #[deserr(rename = "venture")]
    Venture,
    /// The requirement applies to a global document.
    #[deserr(rename = "global")]
    Global,
}

impl ScopeType {
    /// The value on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Venture => "venture",
            Self::Global => "global",
        }
    }
}

macro_rules! sources {
    ($($(#[doc = $doc:literal])+ $name:ident $word:literal,)*) => {
        /// A source that a document can be generated from.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[deserr(error = Violations)]
        pub enum GenerationSource {
            $($(#[doc = $doc])+ #[serde(rename = $word)] #[deserr(rename = $word)] $name,)*
        }

        impl GenerationSource {
            /// Every source.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The value on the wire and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

sources! {
    /// Instructions for agents: CLAUDE.md, AGENTS.md, GEMINI.md.
    ClaudeMd "claude_md",
    /// The README.
    Readme "readme",
    /// Manifests such as Cargo.toml, package.json, pyproject.toml, go.mod.
    Manifests "manifests",
    /// The top-level folders of the repository.
    Layout "layout",
    /// The workflows of continuous integration.
    Workflows "workflows",
    /// Routes in the source code.
    Routes "routes",
    /// OpenAPI documents.
    Openapi "openapi",
    /// Tests, and the routes that they call.
    Tests "tests",
    /// The SQL migrations.
    Migrations "migrations",
    /// Files that declare a database schema, such as those of Prisma and Drizzle.
    SchemaFiles "schema_files",
}

/// A rule that says which document must exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Requirement {
    /// The id of the requirement.
    pub id: RequirementId,
    /// The name of the document. `*` stands for any characters, `{venture}` for the code of the venture.
    pub name_pattern: NamePattern,
    /// Whether the document belongs to each venture or is global.
    pub scope_type: ScopeType,
    /// The only venture that the requirement applies to. `null` means every venture.
    pub venture: Option<VentureCode>,
    /// The capability that a venture must have for the requirement to apply. `null` means no condition.
    pub capability: Option<Capability>,
    /// The number of days without a change or confirmation after which the document is stale.
    pub staleness_days: StalenessDays,
    /// Whether the document must exist.
    pub required: bool,
    /// Whether the document may be generated. If so, callers of the context tier may store it.
    pub auto_generate: bool,
    /// What the document is generated from. If empty, the generator decides.
    pub sources: Vec<GenerationSource>,
    /// When the requirement was created.
    pub created_at: Timestamp,
    /// When the requirement was last changed.
    pub updated_at: Timestamp,
}

impl Requirement {
    /// The maximum number of requirements of a deployment.
    pub const MAX: u32 = 500;
    /// Most requirements with a `*` in their pattern that hold for one venture.
    pub const MAX_PATTERNS: u32 = 20;
}

/// Creates a requirement, or replaces the one with the same pattern, scope type, venture and capability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = PutRequirement::bounded -> Violations)]
pub struct PutRequirement {
    /// The name of the document. `*` stands for any characters, `{venture}` for the code of the venture.
    #[cfg_attr(feature = "schema", schemars(schema_with = "name_pattern_schema"))]
    pub name_pattern: NamePattern,
    /// Whether the document belongs to each venture or is global. The default is `venture`.
    #[deserr(default)]
    #[serde(default)]
    pub scope_type: ScopeType,
    /// The only venture that the requirement applies to. `null` means every venture.
    #[deserr(default)]
    #[serde(default)]
    pub venture: Option<VentureCode>,
    /// The capability that a venture must have for the requirement to apply. `null` means no condition.
    #[deserr(default)]
    #[serde(default)]
    pub capability: Option<Capability>,
    /// The number of days without a change or confirmation after which the document is stale. The default is 90.
    #[deserr(default)]
    #[serde(default)]
    pub staleness_days: StalenessDays,
    /// Whether the document must exist. The default is true.
    #[deserr(default = true)]
    #[serde(default = "always_required")]
    pub required: bool,
    /// Whether the document may be generated. If so, callers of the context tier may store it. The default is false.
    #[deserr(default)]
    #[serde(default)]
    pub auto_generate: bool,
    /// What the document is generated from. If empty, the generator decides.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = GenerationSource::ALL.len())))]
    pub sources: Vec<GenerationSource>,
}

fn always_required() -> bool {
    true
}

impl PutRequirement {
    /// A requirement for every venture: the document must exist and is fresh for 90 days.
    pub fn of(name_pattern: NamePattern) -> Self {
        Self {
            name_pattern,
            scope_type: ScopeType::default(),
            venture: None,
            capability: None,
            staleness_days: StalenessDays::default(),
            required: true,
            auto_generate: false,
            sources: Vec::new(),
        }
    }

    fn bounded(self, at: ValuePointerRef) -> Result<Self, Violations> {
        at_most(at, &[("sources", self.sources.len(), GenerationSource::ALL.len())])?;
        Ok(self)
    }
}

/// The JSON schema of [`NamePattern`]. One regular expression can't express its rules, so there are three alternatives.
#[cfg(feature = "schema")]
fn name_pattern_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "minLength": 1, "anyOf": [
        { "pattern": r"^([A-Za-z0-9]|\{venture\})([A-Za-z0-9._-]|\{venture\})*$", "maxLength": 50 },
        { "pattern": "^[A-Za-z0-9*][A-Za-z0-9._*-]*$", "maxLength": 50 },
        { "pattern": r"^([A-Za-z0-9*][A-Za-z0-9._*-]*)?\{venture\}[A-Za-z0-9._*-]*$", "maxLength": 27 },
    ] })
}

/// Selects the requirements that `list_requirements` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct RequirementFilter {
    /// Show only requirements of this venture and of all ventures. The capabilities of the venture don't matter.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// The number of requirements on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// A deleted requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequirementDeleted {
    /// The id of the requirement.
    pub id: RequirementId,
    /// When the requirement was deleted.
    pub deleted_at: Timestamp,
}

#[cfg(all(test, feature = "schema"))]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_a_name_pattern_matches_the_check() {
        let schema = name_pattern_schema(&mut schemars::SchemaGenerator::default()).to_value();
        let alternatives = schema["anyOf"].as_array().unwrap().iter().map(|one| {
            let most = usize::try_from(one["maxLength"].as_u64().unwrap()).unwrap();
            (most, regex::Regex::new(one["pattern"].as_str().unwrap()).unwrap())
        });
        let alternatives: Vec<_> = alternatives.collect();
        let (short, long) = ("a".repeat(18), "a".repeat(32));
        let pieces = ["", "a", ".", "-", "*", "{venture}", "x.md", "[", &short, &long];
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let text = format!("{first}{second}{third}");
                    let fits = alternatives.iter().any(|(most, regex)| text.len() <= *most && regex.is_match(&text));
                    assert_eq!(fits, text.parse::<NamePattern>().is_ok(), "{text}");
                }
            }
        }
    }
}
