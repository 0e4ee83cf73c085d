//! The singular of English nouns, as far as names of resources need it. It follows the rules of `ActiveSupport`.

/// Nouns whose singular follows no rule.
const IRREGULAR: [(&str, &str); 10] = [
    ("people", "person"),
    ("men", "man"),
    ("children", "child"),
    ("sexes", "sex"),
    ("moves", "move"),
    ("movies", "movie"),
    ("zombies", "zombie"),
    ("mice", "mouse"),
    ("shoes", "shoe"),
    ("oxen", "ox"),
];
/// Nouns that are their own plural.
const UNCOUNTABLE: [&str; 11] =
    ["equipment", "information", "rice", "money", "species", "series", "fish", "sheep", "jeans", "police", "news"];
/// The endings of plurals with those of their singulars, in the order of `ActiveSupport`. The first that fits is used.
const ENDINGS: [(&str, &str); 54] = [
    ("databases", "database"),
    ("quizzes", "quiz"),
    ("matrices", "matrix"),
    ("vertices", "vertex"),
    ("indices", "index"),
    ("aliases", "alias"),
    ("alias", "alias"),
    ("statuses", "status"),
    ("status", "status"),
    ("octopi", "octopus"),
    ("octopus", "octopus"),
    ("viri", "virus"),
    ("virus", "virus"),
    ("crises", "crisis"),
    ("crisis", "crisis"),
    ("testes", "testis"),
    ("testis", "testis"),
    ("shoes", "shoe"),
    ("oes", "o"),
    ("buses", "bus"),
    ("bus", "bus"),
    ("xes", "x"),
    ("ches", "ch"),
    ("sses", "ss"),
    ("shes", "sh"),
    ("movies", "movie"),
    ("series", "series"),
    ("quies", "quy"),
    ("aies", "aie"),
    ("eies", "eie"),
    ("iies", "iie"),
    ("oies", "oie"),
    ("uies", "uie"),
    ("yies", "yie"),
    ("ies", "y"),
    ("lves", "lf"),
    ("rves", "rf"),
    ("tives", "tive"),
    ("hives", "hive"),
    ("fves", "fve"),
    ("ves", "fe"),
    ("analyses", "analysis"),
    ("bases", "basis"),
    ("diagnoses", "diagnosis"),
    ("parentheses", "parenthesis"),
    ("prognoses", "prognosis"),
    ("synopses", "synopsis"),
    ("theses", "thesis"),
    ("sis", "sis"),
    ("ta", "tum"),
    ("ia", "ium"),
    ("news", "news"),
    ("ss", "ss"),
    ("s", ""),
];

/// The singular of a name. Only its last word is changed.
pub(super) fn singular(name: &str) -> String {
    if UNCOUNTABLE.iter().any(|noun| ends_with_word(name, noun)) {
        return name.to_owned();
    }
    let irregular = IRREGULAR.iter().find(|(plural, _)| ends_with_word(name, plural));
    let ending = irregular.or_else(|| ENDINGS.iter().find(|(plural, _)| name.ends_with(plural)));
    ending.map_or_else(
        || name.to_owned(),
        |(plural, single)| format!("{}{single}", name.strip_suffix(plural).unwrap_or_default()),
    )
}

fn ends_with_word(name: &str, word: &str) -> bool {
    name.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with('_'))
}

#[cfg(test)]
mod tests {
    use super::singular;

    #[test]
    fn the_singular_of_names_of_resources() {
        for (plural, single) in [
            ("articles", "article"),
            ("blog_entries", "blog_entry"),
            ("people", "person"),
            ("account_statuses", "account_status"),
            ("addresses", "address"),
            ("boxes", "box"),
            ("news", "news"),
            ("media", "medium"),
            ("archives", "archive"),
            ("knives", "knife"),
            ("movies", "movie"),
            ("cases", "case"),
            ("address", "address"),
            ("purchases", "purchase"),
            ("photos", "photo"),
        ] {
            assert_eq!(singular(plural), single);
        }
    }
}
