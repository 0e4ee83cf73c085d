//! Requirements: which document must exist, for whom, how fresh, and what it can be generated from.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::id::RequirementId;
use crate::number::StalenessDays;
use crate::page::{Cursor, Limit, in_query};
use crate::text::{Capability, NamePattern, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations, at_most};

/// Where the document of a requirement stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(error = Violations)]
pub enum ScopeType {
    /// With the documents of each venture that the requirement holds for.
    #[default]
    #[deserr(rename = "venture")]
    Venture,
    /// With the global documents.
    #[deserr(rename = "global")]
    Global,
}

impl ScopeType {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Venture => "venture",
            Self::Global => "global",
        }
    }
}

macro_rules! sources {
    ($($(#[doc = $doc:literal])+ $name:ident $word:literal,)*) => {
        /// What a document can be generated from.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[deserr(error = Violations)]
        pub enum GenerationSource {
            $($(#[doc = $doc])+ #[serde(rename = $word)] #[deserr(rename = $word)] $name,)*
        }

        impl GenerationSource {
            /// Every source.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word on the wire and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

sources! {
    /// What is written for agents: CLAUDE.md, AGENTS.md, GEMINI.md.
    ClaudeMd "claude_md",
    /// The README.
    Readme "readme",
    /// Manifests such as Cargo.toml, package.json, pyproject.toml, go.mod.
    Manifests "manifests",
    /// The folders at the top of the repository.
    Layout "layout",
    /// What CI runs.
    Workflows "workflows",
    /// Routes in the source code.
    Routes "routes",
    /// OpenAPI documents.
    Openapi "openapi",
    /// Tests, and what they touch.
    Tests "tests",
    /// SQL migrations.
    Migrations "migrations",
    /// Files that declare a schema, such as Prisma's and Drizzle's.
    SchemaFiles "schema_files",
}

/// A rule saying which document must exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Requirement {
    /// Its id.
    pub id: RequirementId,
    /// The document's name.
    pub name_pattern: NamePattern,
    /// Where the document stands.
    pub scope_type: ScopeType,
    /// The one venture it holds for; `null` is every venture.
    pub venture: Option<VentureCode>,
    /// It holds for ventures that have this; `null` is all of them.
    pub capability: Option<Capability>,
    /// After how many days without a change or a confirmation the document is stale.
    pub staleness_days: StalenessDays,
    /// Whether the document must exist.
    pub required: bool,
    /// Whether the document may be generated, and put by the context tier.
    pub auto_generate: bool,
    /// What it is generated from; none leaves that to the generator.
    pub sources: Vec<GenerationSource>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Requirement {
    /// Most requirements of a deployment.
    pub const MAX: u32 = 500;
    /// Most requirements with a `*` in their pattern that hold for one venture.
    pub const MAX_PATTERNS: u32 = 20;
}

/// Makes a requirement, or replaces the one with the same pattern, scope type, venture and capability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = PutRequirement::bounded -> Violations)]
pub struct PutRequirement {
    /// The document's name. `*` stands for any characters, `{venture}` for the venture's code.
    #[cfg_attr(feature = "schema", schemars(schema_with = "name_pattern_schema"))]
    pub name_pattern: NamePattern,
    /// Where the document stands; with each venture unless given.
    #[deserr(default)]
    #[serde(default)]
    pub scope_type: ScopeType,
    /// The one venture it holds for; `null` is every venture.
    #[deserr(default)]
    #[serde(default)]
    pub venture: Option<VentureCode>,
    /// It holds for ventures that have this; `null` is all of them.
    #[deserr(default)]
    #[serde(default)]
    pub capability: Option<Capability>,
    /// After how many days without a change or a confirmation the document is stale; 90 unless given.
    #[deserr(default)]
    #[serde(default)]
    pub staleness_days: StalenessDays,
    /// Whether the document must exist; true unless given.
    #[deserr(default = true)]
    #[serde(default = "yes")]
    pub required: bool,
    /// Whether the document may be generated, and put by the context tier; false unless given.
    #[deserr(default)]
    #[serde(default)]
    pub auto_generate: bool,
    /// What it is generated from; none leaves that to the generator.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = GenerationSource::ALL.len())))]
    pub sources: Vec<GenerationSource>,
}

fn yes() -> bool {
    true
}

impl PutRequirement {
    /// A required document of every venture, fresh for 90 days.
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

/// The rules of [`NamePattern`] as far as one regular expression can't say them.
#[cfg(feature = "schema")]
fn name_pattern_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "minLength": 1, "anyOf": [
        { "pattern": r"^([A-Za-z0-9]|\{venture\})([A-Za-z0-9._-]|\{venture\})*$", "maxLength": 50 },
        { "pattern": "^[A-Za-z0-9*][A-Za-z0-9._*-]*$", "maxLength": 50 },
        { "pattern": r"^([A-Za-z0-9*][A-Za-z0-9._*-]*)?\{venture\}[A-Za-z0-9._*-]*$", "maxLength": 27 },
    ] })
}

/// Which requirements `list_requirements` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct RequirementFilter {
    /// Those of this venture and of every venture, whatever capability they ask for.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// Where the page starts: the `next_cursor` of the page before.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// A requirement that is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequirementDeleted {
    /// Its id.
    pub id: RequirementId,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

#[cfg(all(test, feature = "schema"))]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_a_pattern_and_the_check_are_the_same_rule() {
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
