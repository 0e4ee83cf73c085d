//! Models of Django.

use std::collections::{BTreeMap, BTreeSet};

use super::super::NamedSchema;
use super::super::model::{Column, Schema, Table};
use super::syntax::{Call, Class, Value, last_name};
use super::{Classes, Place};
use crate::document::code;
use crate::paths;

/// The columns of the abstract models that libraries bring.
const LIBRARY_MODELS: [(&str, &[&str]); 6] = [
    (
        "AbstractUser",
        &[
            "password",
            "last_login",
            "is_superuser",
            "username",
            "first_name",
            "last_name",
            "email",
            "is_staff",
            "is_active",
            "date_joined",
        ],
    ),
    ("AbstractBaseUser", &["password", "last_login"]),
    ("PermissionsMixin", &["is_superuser"]),
    ("TimeStampedModel", &["created", "modified"]),
    ("MPTTModel", &["lft", "rght", "tree_id", "level"]),
    ("MP_Node", &["path", "depth", "numchild"]),
];

/// Adds one schema for each app with models. Returns the folders of these apps.
pub(super) fn schemas(classes: &Classes<'_>, found: &mut Vec<NamedSchema>) -> BTreeSet<String> {
    let labels = labels(classes);
    let mut apps: BTreeMap<String, (Schema, BTreeSet<String>)> = BTreeMap::new();
    for place in &classes.all {
        let Some(table) = table(classes, *place, &labels) else { continue };
        let (schema, files) = apps.entry(app_folder(place.path)).or_default();
        for base in unknown_bases(classes, *place) {
            let what = format!("columns of the base {base} of {}", table.name);
            schema.add_not_understood(table.place.clone(), what);
        }
        schema.create(table);
        files.insert(place.path.to_owned());
    }
    let folders = apps.keys().cloned().collect();
    found.extend(apps.into_iter().map(|(folder, (schema, files))| NamedSchema {
        title: format!("Django: {}", code(&format!("{folder}/"))),
        description: "From the models. Tables of many-to-many fields are not listed.".to_owned(),
        schema,
        files: files.into_iter().collect(),
    }));
    folders
}

/// The label of each app whose configuration sets one, by the folder of the app.
fn labels(classes: &Classes<'_>) -> BTreeMap<String, String> {
    let label = |place: &Place<'_>| {
        let is_config = place.class.bases.iter().any(|base| last_name(base) == "AppConfig");
        let label = place.class.member("label").filter(|_| is_config)?.text()?;
        Some((paths::folder(place.path).to_owned(), label.to_owned()))
    };
    classes.all.iter().filter_map(label).collect()
}

/// The folder of the app that a file with models or migrations belongs to.
pub(super) fn app_folder(path: &str) -> String {
    let folder = paths::folder(path);
    let inner = folder.rfind("/models").or_else(|| folder.rfind("/migrations"));
    inner.and_then(|end| folder.get(..end)).unwrap_or(folder).to_owned()
}

/// The label of an app: the name of its folder, unless its configuration sets one.
pub(super) fn label(folder: &str, labels: &BTreeMap<String, String>) -> String {
    labels.get(folder).cloned().unwrap_or_else(|| paths::name(folder).to_owned())
}

fn is_model<'a>(classes: &Classes<'a>, place: Place<'a>) -> bool {
    classes.inherits(place, |class, base| {
        let is_django = base.ends_with("models.Model") || base == "Model";
        is_django && class.uses_django || LIBRARY_MODELS.iter().any(|(name, _)| last_name(base) == *name)
    })
}

fn is_abstract(place: Place<'_>) -> bool {
    place.class.meta("abstract").is_some_and(|value| value.is("True"))
}

fn table<'a>(classes: &Classes<'a>, place: Place<'a>, labels: &BTreeMap<String, String>) -> Option<Table> {
    let class = place.class;
    let is_proxy = class.meta("proxy").is_some_and(|value| value.is("True"));
    if !is_model(classes, place) || is_abstract(place) || is_proxy || place.path.contains("/migrations/") {
        return None;
    }
    let mut columns = columns(classes, place, &mut vec![place.class]);
    if !columns.iter().any(|column| column.rules.iter().any(|rule| rule.contains("primary_key=True"))) {
        columns.insert(0, Column { name: "id".to_owned(), kind: "AutoField".to_owned(), rules: Vec::new() });
    }
    let app = || class.meta("app_label").and_then(Value::text).map(str::to_owned);
    let label = app().unwrap_or_else(|| label(&app_folder(place.path), labels));
    let name = class.meta("db_table").and_then(Value::text).map(|name| name.trim_matches('"').to_owned());
    let name = name.unwrap_or_else(|| format!("{label}_{}", class.name.to_lowercase()));
    Some(Table { name, place: format!("{}:{}", place.path, class.line), columns, ..Table::default() })
}

/// The columns of a model: those of its abstract bases, then its own.
fn columns<'a>(classes: &Classes<'a>, place: Place<'a>, seen: &mut Vec<&'a Class>) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for base in &place.class.bases {
        let base_class = classes.base(place, base);
        if base_class.is_some_and(|base| seen.iter().any(|class| std::ptr::eq(*class, base.class))) {
            continue;
        }
        seen.extend(base_class.map(|base| base.class));
        let inherited = match base_class {
            Some(base) if is_model(classes, base) && !is_abstract(base) => {
                // Each model of the two has a table, and the child refers to the parent.
                let is_proxy = base.class.meta("proxy").is_some_and(|value| value.is("True"));
                let name = format!("{}_ptr_id", base.class.name.to_lowercase());
                if is_proxy { Vec::new() } else { vec![primary(&name)] }
            }
            Some(base) => self::columns(classes, base, seen),
            None => library_columns(base),
        };
        columns.extend(inherited);
    }
    for member in &place.class.members {
        columns.retain(|column| column.name != member.name && column.name != format!("{}_id", member.name));
        let call = member.value.as_ref().and_then(Value::call);
        columns.extend(call.and_then(|call| column(&member.name, call)));
    }
    let mut names = BTreeSet::new();
    columns.retain(|column| names.insert(column.name.clone()));
    columns
}

/// The bases of a model that are in no file and may have columns.
fn unknown_bases<'a>(classes: &Classes<'a>, place: Place<'a>) -> Vec<&'a str> {
    let is_known = |class: Place<'a>, base: &str| {
        let name = last_name(base);
        let is_library = LIBRARY_MODELS.iter().any(|(known, _)| *known == name);
        let has_no_columns = matches!(name, "Model" | "object" | "ABC") || name.ends_with("Mixin");
        is_library || has_no_columns || classes.base(class, base).is_some()
    };
    let all = std::iter::once(place).chain(classes.ancestors(place));
    all.flat_map(|class| class.class.bases.iter().filter(move |base| !is_known(class, base)))
        .map(String::as_str)
        .collect()
}

fn primary(name: &str) -> Column {
    Column { name: name.to_owned(), kind: "OneToOneField".to_owned(), rules: vec!["primary_key=True".to_owned()] }
}

fn library_columns(base: &str) -> Vec<Column> {
    let columns = LIBRARY_MODELS.iter().find(|(name, _)| *name == last_name(base)).map(|(_, columns)| *columns);
    let column =
        |name: &&str| Column { name: (*name).to_owned(), kind: String::new(), rules: vec![format!("from {base}")] };
    columns.unwrap_or_default().iter().map(column).collect()
}

/// The column of a field. `None` for a field without one.
pub(super) fn column(field: &str, call: &Call) -> Option<Column> {
    let kind = call.name();
    let is_reference = ["ForeignKey", "OneToOneField", "ParentalKey"].iter().any(|end| kind.ends_with(end));
    let has_column = is_reference || kind.ends_with("Field") && !kind.ends_with("ManyToManyField");
    if !has_column || call.function.starts_with("forms.") || call.function.starts_with("serializers.") {
        return None;
    }
    let own = call.named("db_column").and_then(Value::text).map(str::to_owned);
    let name = own.unwrap_or_else(|| if is_reference { format!("{field}_id") } else { field.to_owned() });
    let rules = call.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let rules = Some(rules).filter(|rules| !rules.is_empty()).into_iter().collect();
    Some(Column { name, kind: kind.to_owned(), rules })
}
