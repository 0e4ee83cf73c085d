//! Names of tables and columns, as GORM and its library `inflection` make them.

/// Abbreviations that GORM treats as one word, in its order.
const INITIALISMS: [&str; 33] = [
    "API", "ASCII", "CPU", "CSS", "DNS", "EOF", "GUID", "HTML", "HTTP", "HTTPS", "ID", "IP", "JSON", "LHS", "QPS",
    "RAM", "RHS", "RPC", "SLA", "SMTP", "SSH", "TLS", "TTL", "UID", "UI", "UUID", "URI", "URL", "UTF8", "VM", "XML",
    "XSRF", "XSS",
];

/// The name of the column of a field.
pub(super) fn column(field: &str) -> String {
    let value: Vec<char> = with_initialisms(field).chars().collect();
    let is_upper = |at: usize| value.get(at).is_some_and(char::is_ascii_uppercase);
    let mut out = String::new();
    for (at, c) in value.iter().enumerate() {
        let is_last = at + 1 == value.len();
        let follows_upper = at > 0 && is_upper(at - 1);
        let starts_word = if is_last {
            !follows_upper
        } else {
            let next = value.get(at + 1).is_some_and(|next| next.is_ascii_uppercase() || next.is_ascii_digit());
            !(follows_upper && next) && value.get(at + 1) != Some(&'_')
        };
        let after_underscore = at == 0 || value.get(at - 1) == Some(&'_');
        if is_upper(at) && starts_word && !after_underscore {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// `UserID` as `UserId`.
fn with_initialisms(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        if let Some(word) = INITIALISMS.iter().find(|word| rest.starts_with(**word)) {
            out.push(first);
            out.push_str(&word.get(1..).unwrap_or_default().to_ascii_lowercase());
            rest = rest.get(word.len()..).unwrap_or_default();
        } else {
            out.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    out
}

/// Words without a plural of their own.
const UNCOUNTABLE: [&str; 10] =
    ["equipment", "information", "rice", "money", "species", "series", "fish", "sheep", "jeans", "police"];
const IRREGULAR: [(&str, &str); 8] = [
    ("person", "people"),
    ("man", "men"),
    ("child", "children"),
    ("sex", "sexes"),
    ("move", "moves"),
    ("ombie", "ombies"),
    ("goose", "geese"),
    ("foot", "feet"),
];
/// Endings, and what takes their place, in the order of the library.
const ENDINGS: [(&str, &str); 25] = [
    ("quiz", "quizzes"),
    ("mouse", "mice"),
    ("louse", "lice"),
    ("matrix", "matrices"),
    ("vertex", "vertices"),
    ("index", "indices"),
    ("x", "xes"),
    ("ch", "ches"),
    ("ss", "sses"),
    ("sh", "shes"),
    ("quy", "quies"),
    ("hive", "hives"),
    ("life", "lives"),
    ("wife", "wives"),
    ("knife", "knives"),
    ("lf", "lves"),
    ("rf", "rves"),
    ("sis", "ses"),
    ("tum", "ta"),
    ("ium", "ia"),
    ("buffalo", "buffaloes"),
    ("tomato", "tomatoes"),
    ("alias", "aliases"),
    ("status", "statuses"),
    ("virus", "viri"),
];

/// The plural of the last word of a name.
pub(super) fn plural(name: &str) -> String {
    if UNCOUNTABLE.iter().any(|word| name.ends_with(word)) {
        return name.to_owned();
    }
    for (end, plural) in IRREGULAR.iter().chain(&ENDINGS) {
        if let Some(start) = name.strip_suffix(end) {
            return format!("{start}{plural}");
        }
    }
    if let Some(start) = name.strip_suffix('y').filter(|start| !start.ends_with(['a', 'e', 'i', 'o', 'u', 'y'])) {
        return format!("{start}ies");
    }
    if name.ends_with("bus") {
        return format!("{name}es");
    }
    if name.ends_with('s') { name.to_owned() } else { format!("{name}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_gorm() {
        let names = [
            ("ID", "id"),
            ("OrgID", "org_id"),
            ("UserName", "user_name"),
            ("APIKey", "api_key"),
            ("PhotoUID", "photo_uid"),
            ("SHA256", "sha256"),
            ("A1", "a1"),
        ];
        for (field, name) in names {
            assert_eq!(column(field), name, "{field}");
        }
        for (one, many) in
            [("user", "users"), ("category", "categories"), ("box", "boxes"), ("user_status", "user_statuses")]
        {
            assert_eq!(plural(one), many, "{one}");
        }
    }
}
