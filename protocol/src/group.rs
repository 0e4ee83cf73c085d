//! Groups of agents: a message to `@frontend` reaches every session in the group, one to `@frontend:lead` its leads.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{impl_text_traits, length, text};
use crate::violation::{Invalid, Violations, invalid_at, wrong_kind};

text! {
    /// The name of a group, such as `frontend`. A group `frontend/css` is part of the group `frontend`.
    GroupName, max 64, pattern r"^[a-z0-9][a-z0-9._/-]{0,63}$", |text| {
        if text == "all" {
            return Err(Invalid::new("must not be `all`, because `@all` addresses every agent of the venture"));
        }
        named(text, "._/-", "must be lower-case letters, digits, dot, -, _ or /, starting with a letter or digit")
    }
}
text! {
    /// The role of an agent in a group, such as `lead`.
    Role, max 64, pattern r"^[a-z0-9][a-z0-9._-]{0,63}$", |text| {
        named(text, "._-", "must be lower-case letters, digits, dot, - or _, starting with a letter or digit")
    }
}

impl Role {
    /// The role of an agent that has no other one.
    pub fn member() -> Self {
        Self("member".to_owned())
    }
}

fn named(text: &str, others: &str, otherwise: &'static str) -> Result<(), Invalid> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good = text.starts_with(plain) && text.chars().all(|c| plain(c) || others.contains(c));
    good.then_some(()).ok_or(Invalid::new(otherwise))
}

/// The groups of a session, and its role in each: at most 16.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Groups(pub BTreeMap<GroupName, Role>);

impl Groups {
    /// The maximum number of groups of a session.
    pub const MAX: usize = 16;
}

impl Groups {
    /// Parses a list such as `frontend:lead,reviewers`. An agent has the role `otherwise` in a group without a role.
    pub fn listed(text: &str, otherwise: &Role) -> Result<Self, Invalid> {
        let mut groups = BTreeMap::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, role) = entry.split_once(':').map_or((entry, None), |(name, role)| (name, Some(role)));
            let name: GroupName = name.parse()?;
            groups.insert(name, role.map_or_else(|| Ok(otherwise.clone()), str::parse)?);
        }
        if groups.len() > Self::MAX {
            return Err(Invalid::new("must have at most 16 groups"));
        }
        Ok(Self(groups))
    }
}

impl FromStr for Groups {
    type Err = Invalid;

    /// Parses a list of groups, in which an agent without a role is a member.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::listed(text, &Role::member())
    }
}

/// The groups as a list: `frontend:lead,reviewers:member`.
impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<String> = self.0.iter().map(|(name, role)| format!("{name}:{role}")).collect();
        f.write_str(&entries.join(","))
    }
}

impl Deserr<Violations> for Groups {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
        let Value::Map(_) = value else { return Err(wrong_kind(value, &[ValueKind::Map], at)) };
        let serde_json::Value::Object(members) = serde_json::Value::from(value) else { return Ok(Self::default()) };
        if members.len() > Self::MAX {
            return Err(invalid_at(Invalid::new("must have at most 16 groups"), at));
        }
        let (mut groups, mut wrong) = (BTreeMap::new(), Violations::default());
        for (name, role) in members {
            let at = at.push_key(&name);
            let role = role.as_str().ok_or(Invalid::new("must be a role as a string"));
            match (name.parse::<GroupName>(), role.and_then(str::parse::<Role>)) {
                (Ok(name), Ok(role)) => drop(groups.insert(name, role)),
                (Err(invalid), _) => {
                    wrong.0.extend(invalid_at(Invalid::new(format!("the name of a group {invalid}")), at).0);
                }
                (_, Err(invalid)) => wrong.0.extend(invalid_at(invalid, at).0),
            }
        }
        if wrong.0.is_empty() { Ok(Self(groups)) } else { Err(wrong) }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Groups {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Groups".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "The groups of a session, and its role in each: at most 16.",
            "maxProperties": Groups::MAX,
            "propertyNames": { "pattern": GroupName::PATTERN },
            "additionalProperties": { "type": "string", "pattern": Role::PATTERN, "maxLength": Role::MAX_CHARS },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_groups_and_roles_have_a_fixed_form() {
        for name in ["frontend", "frontend/css", "0", "a.b_c-d", &"g".repeat(64)] {
            assert!(name.parse::<GroupName>().is_ok(), "{name}");
        }
        for name in ["", "all", "Frontend", "/css", "-x", "a b", "@x", "a:b", "ü", &"g".repeat(65)] {
            assert!(name.parse::<GroupName>().is_err(), "{name}");
        }
        assert!("lead".parse::<Role>().is_ok());
        for role in ["", "Lead", "a/b", "a:b", &"r".repeat(65)] {
            assert!(role.parse::<Role>().is_err(), "{role}");
        }
        assert_eq!(Role::member().as_str().parse(), Ok(Role::member()));
    }

    #[test]
    fn a_list_of_groups_gives_a_role_in_each() {
        let lead: Role = "lead".parse().unwrap();
        let listed = |text: &str| Groups::listed(text, &lead).map(|groups| groups.to_string());
        assert_eq!(listed("frontend/css, reviewers:member,"), Ok("frontend/css:lead,reviewers:member".to_owned()));
        assert_eq!(listed(""), Ok(String::new()));
        let groups: Groups = "a,b:lead".parse().unwrap();
        assert_eq!(groups.to_string(), "a:member,b:lead");
        assert_eq!(groups.to_string().parse(), Ok(groups));
        for text in
            ["A", "a:B", "a:", ":lead", "a:b:c", &(0..17).map(|n| format!("g{n}")).collect::<Vec<_>>().join(",")]
        {
            assert!(listed(text).is_err(), "{text}");
        }
    }
}
