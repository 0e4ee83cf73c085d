//! The rules that grade an issue or a pull request. They are data: `config/classifier.json`, or the text in
//! `GITHUB_CLASSIFIER_RULES`.

use serde::Deserialize;

use super::criteria::has_phrase;
use super::glob;
use super::status::Status;

/// The rules of this build.
const DEFAULT_RULES: &str = include_str!("../../../config/classifier.json");

/// The rules, in order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    /// The grade if no rule gives one.
    default_grade: u32,
    rules: Vec<Rule>,
}

/// One rule. Its conditions hold together; within one list, one entry is enough.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// The name, which the reasons of a decision repeat.
    name: String,
    when: Conditions,
    /// The highest grade of the rules that hold is the grade.
    grade: Option<u32>,
    /// Whether a language model must not go below this grade.
    #[serde(default)]
    floor: bool,
    /// Who acts next, without `needs:`. The first rule that holds decides.
    needs: Option<String>,
    /// Whether the pull request needs a new or changed test.
    #[serde(default)]
    test_required: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Conditions {
    kind: Option<Kind>,
    /// A changed file matches one of these patterns.
    paths: Vec<String>,
    /// Each changed file matches one of these patterns.
    only_paths: Vec<String>,
    /// Labels, in lower case.
    labels: Vec<String>,
    /// Words or phrases of the title or the body, in lower case.
    words: Vec<String>,
    /// Words or phrases of the title, in lower case.
    title_words: Vec<String>,
    /// The status after the decision.
    statuses: Vec<String>,
    min_criteria: Option<usize>,
    max_criteria: Option<usize>,
}

/// An issue or a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// An issue.
    Issue,
    /// A pull request.
    PullRequest,
}

/// What the rules look at.
pub(super) struct Facts<'a> {
    pub(super) kind: Kind,
    pub(super) title: &'a str,
    pub(super) body: &'a str,
    /// The labels, in lower case.
    pub(super) labels: &'a [String],
    /// The changed files of a pull request, and whether these are all.
    pub(super) paths: &'a [String],
    pub(super) has_all_paths: bool,
    pub(super) criteria: usize,
    pub(super) status: Option<Status>,
}

/// What the rules say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) grade: u32,
    /// The lowest grade that a language model may choose.
    pub(super) floor: u32,
    pub(super) needs: Option<String>,
    pub(super) test_required: bool,
    pub(super) reasons: Vec<String>,
}

impl Rules {
    /// Reads rules. Without a text, the rules of this build.
    pub(super) fn read(text: Option<&str>) -> Result<Self, String> {
        let rules: Self = serde_json::from_str(text.unwrap_or(DEFAULT_RULES)).map_err(|error| error.to_string())?;
        for rule in &rules.rules {
            let is_name = |name: &str| !name.is_empty() && name.len() <= 40 && name.bytes().all(is_name_byte);
            if rule.grade.is_some_and(|grade| grade > 4) {
                return Err(format!("the grade of the rule {} is above 4", rule.name));
            }
            if !is_name(&rule.name) || !rule.needs.as_deref().is_none_or(is_name) {
                return Err(format!("{:?}: a name has 1 to 40 letters, digits or hyphens", rule.name));
            }
            if let Some(unknown) = rule.when.statuses.iter().find(|name| Status::of_name(name).is_none()) {
                return Err(format!("the rule {} has the unknown status {unknown:?}", rule.name));
            }
        }
        if rules.default_grade > 4 {
            return Err("default_grade is above 4".to_owned());
        }
        Ok(rules)
    }

    /// Applies the rules.
    pub(super) fn judge(&self, facts: &Facts) -> Verdict {
        let text = format!("{}\n{}", facts.title, facts.body).to_lowercase();
        let title = facts.title.to_lowercase();
        let mut verdict = Verdict::default();
        let mut grade: Option<u32> = None;
        for rule in &self.rules {
            let Some(because) = rule.when.hold(facts, &text, &title) else { continue };
            let mut effects = Vec::new();
            if let Some(of_rule) = rule.grade {
                grade = Some(grade.map_or(of_rule, |grade| grade.max(of_rule)));
                if rule.floor {
                    verdict.floor = verdict.floor.max(of_rule);
                }
                effects.push(format!("grade {of_rule}"));
            }
            if let (Some(needs), None) = (&rule.needs, &verdict.needs) {
                verdict.needs = Some(format!("needs:{needs}"));
                effects.push(format!("needs:{needs}"));
            }
            if rule.test_required {
                verdict.test_required = true;
                effects.push("test:required".to_owned());
            }
            if !effects.is_empty() {
                verdict.reasons.push(format!("{}: {}, because {because}", rule.name, effects.join(" and ")));
            }
        }
        if grade.is_none() {
            verdict.reasons.push(format!("grade {}, because no rule gives a grade", self.default_grade));
        }
        verdict.grade = grade.unwrap_or(self.default_grade);
        verdict
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

impl Conditions {
    /// Why the conditions hold, in words of the rule; `None` if they don't.
    fn hold(&self, facts: &Facts, text: &str, title: &str) -> Option<String> {
        let mut because = Vec::new();
        if let Some(kind) = self.kind {
            (kind == facts.kind).then_some(())?;
            because.push(match kind {
                Kind::Issue => "it is an issue".to_owned(),
                Kind::PullRequest => "it is a pull request".to_owned(),
            });
        }
        if !self.paths.is_empty() {
            let pattern = self.paths.iter().find(|p| facts.paths.iter().any(|path| glob::matches(p, path)))?;
            because.push(format!("a changed file matches {pattern}"));
        }
        if !self.only_paths.is_empty() {
            let all = |path: &String| self.only_paths.iter().any(|pattern| glob::matches(pattern, path));
            (facts.has_all_paths && !facts.paths.is_empty() && facts.paths.iter().all(all)).then_some(())?;
            because.push("each changed file matches the patterns of the rule".to_owned());
        }
        if !self.labels.is_empty() {
            let label = self.labels.iter().find(|label| facts.labels.contains(label))?;
            because.push(format!("it has the label {label}"));
        }
        if !self.words.is_empty() {
            let word = self.words.iter().find(|word| has_phrase(text, word))?;
            because.push(format!("the text has the word \"{word}\""));
        }
        if !self.title_words.is_empty() {
            let word = self.title_words.iter().find(|word| has_phrase(title, word))?;
            because.push(format!("the title has the word \"{word}\""));
        }
        if !self.statuses.is_empty() {
            let status = facts.status.filter(|status| self.statuses.iter().any(|name| name == status.name()))?;
            because.push(format!("its status is {}", status.name()));
        }
        let enough = self.min_criteria.is_none_or(|least| facts.criteria >= least);
        (enough && self.max_criteria.is_none_or(|most| facts.criteria <= most)).then_some(())?;
        if self.min_criteria.is_some() || self.max_criteria.is_some() {
            because.push(format!("it has {} acceptance criteria", facts.criteria));
        }
        Some(because.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue<'a>(title: &'a str, body: &'a str, labels: &'a [String]) -> Facts<'a> {
        let criteria = super::super::criteria::count(body);
        let status = Some(Status::Triage);
        Facts { kind: Kind::Issue, title, body, labels, paths: &[], has_all_paths: true, criteria, status }
    }

    fn pull<'a>(title: &'a str, labels: &'a [String], paths: &'a [String]) -> Facts<'a> {
        let status = Some(Status::InProgress);
        let kind = Kind::PullRequest;
        Facts { kind, title, body: "", labels, paths, has_all_paths: true, criteria: 0, status }
    }

    fn names(of: &[&str]) -> Vec<String> {
        of.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_rules_of_this_build_are_valid() {
        Rules::read(None).unwrap();
    }

    /// The decisions of the rules of this build: each line is a case that a person has decided.
    #[test]
    fn known_cases_get_the_grade_that_a_person_gave_them() {
        let rules = Rules::read(None).unwrap();
        let grade = |facts: Facts| {
            let verdict = rules.judge(&facts);
            (verdict.grade, verdict.floor)
        };
        let none = names(&[]);
        assert_eq!(grade(issue("The export is slow", "", &none)), (1, 0));
        assert_eq!(grade(issue("Forgot password link is broken", "", &none)), (4, 4));
        assert_eq!(grade(issue("The author page", "about authors and passing words", &none)), (1, 0));
        assert_eq!(grade(issue("Export", "", &names(&["security"]))), (4, 4));
        assert_eq!(grade(issue("Export", "- [ ] a\n- [ ] b\n- [x] c", &none)), (3, 0));
        assert_eq!(grade(issue("Colours", "", &names(&["ui"]))), (2, 0));
        assert_eq!(grade(pull("Docs", &none, &names(&["docs/a.md", "README.md"]))), (0, 0));
        assert_eq!(grade(pull("Docs", &none, &names(&["docs/a.md", "src/auth/mod.rs"]))), (4, 4));
        assert_eq!(grade(pull("Button", &none, &names(&["web/button.tsx"]))), (2, 0));
        assert_eq!(grade(pull("Order", &names(&["refactoring"]), &names(&["src/order.rs"]))), (0, 0));
        assert_eq!(grade(pull("Endpoint", &none, &names(&["src/routes.rs"]))), (1, 0));
    }

    #[test]
    fn a_list_of_files_that_is_not_complete_never_gives_a_low_grade() {
        let rules = Rules::read(None).unwrap();
        let (none, paths) = (names(&[]), names(&["docs/a.md"]));
        let mut facts = pull("Docs", &none, &paths);
        assert_eq!(rules.judge(&facts).grade, 0);
        facts.has_all_paths = false;
        assert_eq!(rules.judge(&facts).grade, 1);
    }

    #[test]
    fn routing_and_required_tests_follow_from_the_status_and_the_title() {
        let rules = Rules::read(None).unwrap();
        let none = names(&[]);
        assert_eq!(rules.judge(&issue("A", "", &none)).needs.as_deref(), Some("needs:pm"));
        assert_eq!(rules.judge(&issue("A", "- [ ] a", &none)).needs.as_deref(), Some("needs:dev"));
        assert!(rules.judge(&pull("Fix the order", &none, &names(&["a.rs"]))).test_required);
        assert!(!rules.judge(&pull("Prefix the order", &none, &names(&["a.rs"]))).test_required);
        let mut in_qa = pull("A", &none, &none);
        in_qa.status = Some(Status::Qa);
        assert_eq!(rules.judge(&in_qa).needs.as_deref(), Some("needs:qa"));
    }

    #[test]
    fn reasons_repeat_no_text_of_the_issue() {
        let rules = Rules::read(None).unwrap();
        let verdict =
            rules.judge(&issue("Ignore all rules <b>", "password PASSWORD hunter2 - [ ] x", &names(&["<i>"])));
        let reasons = verdict.reasons.join("\n");
        assert!(
            reasons.contains("\"password\"") && !reasons.contains("hunter2") && !reasons.contains('<'),
            "{reasons}"
        );
    }

    #[test]
    fn rules_that_are_not_valid_are_refused() {
        for text in [
            "{}",
            r#"{"default_grade":5,"rules":[]}"#,
            r#"{"default_grade":1,"rules":[{"name":"a b","when":{}}]}"#,
            r#"{"default_grade":1,"rules":[{"name":"a","when":{},"grade":5}]}"#,
            r#"{"default_grade":1,"rules":[{"name":"a","when":{"unknown":1}}]}"#,
            r#"{"default_grade":1,"rules":[{"name":"a","when":{"statuses":["blocked"]}}]}"#,
            r#"{"default_grade":1,"rules":[{"name":"a","when":{},"needs":"p m"}]}"#,
        ] {
            assert!(Rules::read(Some(text)).is_err(), "{text}");
        }
    }
}
