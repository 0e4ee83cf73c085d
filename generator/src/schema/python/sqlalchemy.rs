//! Tables of `SQLAlchemy`, Flask-SQLAlchemy and `SQLModel`: mapped classes and objects of the class `Table`.

use std::collections::BTreeSet;

use super::super::NamedSchema;
use super::super::model::{Column, Schema, Table};
use super::super::names::snake_case;
use super::syntax::{Call, Member, Value, last_name};
use super::{Classes, Modules, Place};

/// Functions that declare a column.
const COLUMNS: [&str; 2] = ["Column", "mapped_column"];

/// All tables of the repository. `None` if there are none.
pub(super) fn schema(classes: &Classes<'_>, modules: &Modules) -> Option<NamedSchema> {
    let mut schema = Schema::default();
    let mut files = BTreeSet::new();
    let mut late: Vec<(String, Vec<Column>)> = Vec::new();
    for place in &classes.all {
        match mapped(classes, *place) {
            Some(Mapped::Table(table)) => {
                for base in unknown_bases(classes, *place) {
                    let what = format!("columns of the base {base} of {}", table.name);
                    schema.add_not_understood(table.place.clone(), what);
                }
                schema.create(table);
            }
            // A class without its own table adds its columns to that of its base.
            Some(Mapped::Columns(table, columns)) => late.push((table, columns)),
            None => continue,
        }
        files.insert(place.path.to_owned());
    }
    for (path, module) in modules {
        for table in module.assignments.iter().filter_map(|member| classical(path, member)) {
            schema.create(table);
            files.insert(path.clone());
        }
    }
    for (table, columns) in late {
        let Some(table) = schema.table(&table) else { continue };
        for column in columns {
            if table.column(&column.name).is_none() {
                table.columns.push(column);
            }
        }
    }
    (!schema.is_empty()).then(|| NamedSchema {
        title: "SQLAlchemy".to_owned(),
        description: "From the mapped classes and tables in the code.".to_owned(),
        schema,
        files: files.into_iter().collect(),
    })
}

enum Mapped {
    Table(Table),
    Columns(String, Vec<Column>),
}

/// What a class says about its table.
enum TableName {
    Own(String),
    Inherited(String),
}

fn mapped<'a>(classes: &Classes<'a>, place: Place<'a>) -> Option<Mapped> {
    let class = place.class;
    if is_abstract(place) {
        return None;
    }
    let columns = columns(classes, place);
    match table_name(classes, place)? {
        TableName::Inherited(table) => Some(Mapped::Columns(table, columns)),
        TableName::Own(_) if columns.is_empty() => None,
        TableName::Own(name) => {
            let schema = schema_name(class.member("__table_args__")).map(|schema| format!("{schema}."));
            let name = format!("{}{name}", schema.unwrap_or_default());
            let place = format!("{}:{}", place.path, class.line);
            Some(Mapped::Table(Table { name, place, columns, ..Table::default() }))
        }
    }
}

/// Bases without columns that libraries bring.
const WITHOUT_COLUMNS: [&str; 11] = [
    "DeclarativeBase",
    "DeclarativeBaseNoMeta",
    "MappedAsDataclass",
    "AsyncAttrs",
    "SQLModel",
    "Model",
    "UserMixin",
    "object",
    "ABC",
    "Generic",
    "Protocol",
];

/// The bases of a class that are in no file and may have columns.
fn unknown_bases<'a>(classes: &Classes<'a>, place: Place<'a>) -> Vec<&'a str> {
    let is_known = |class: Place<'a>, base: &str| {
        WITHOUT_COLUMNS.contains(&last_name(base)) || base.ends_with("Base") || classes.base(class, base).is_some()
    };
    let all = std::iter::once(place).chain(classes.ancestors(place));
    all.flat_map(|class| class.class.bases.iter().filter(move |base| !is_known(class, base)))
        .map(String::as_str)
        .collect()
}

fn schema_name(arguments: Option<&Value>) -> Option<&str> {
    arguments?.get("schema")?.text()
}

fn table_name<'a>(classes: &Classes<'a>, place: Place<'a>) -> Option<TableName> {
    let class = place.class;
    if let Some(name) = class.member("__tablename__") {
        return Some(TableName::Own(name.text()?.to_owned()));
    }
    let computed = computed_name(classes, place);
    if class.named.iter().any(|(name, value)| name == "table" && value.is("True")) {
        return Some(TableName::Own(computed.unwrap_or_else(|| class.name.to_lowercase())));
    }
    let ancestors = classes.ancestors(place);
    // Only a class that is a table itself, and no mixin, gives its table to others.
    let of_base = ancestors.iter().find_map(|base| {
        let name = base.class.member("__tablename__").and_then(Value::text);
        let is_flask = || base.class.bases.iter().any(|base| base.ends_with("db.Model"));
        let name = name.map(str::to_owned).or_else(|| is_flask().then(|| snake_case(&base.class.name)))?;
        (!is_abstract(*base) && has_primary_key(&columns(classes, *base))).then_some(name)
    });
    let is_flask = classes.inherits(place, |_, base| base.ends_with("db.Model") || base == "SurrogatePK");
    let own_key = class.members.iter().filter_map(|member| column(member, false)).collect::<Vec<_>>();
    // Flask-SQLAlchemy gives a class with a primary key of its own a table of its own.
    if let Some(name) = of_base.filter(|_| !(is_flask && has_primary_key(&own_key))) {
        return Some(TableName::Inherited(name));
    }
    if computed.is_some() {
        return computed
            .filter(|_| !class.methods.iter().any(|method| method.name == "__tablename__"))
            .map(TableName::Own);
    }
    (is_flask && has_primary_key(&columns(classes, place))).then(|| TableName::Own(snake_case(&class.name)))
}

fn is_abstract(place: Place<'_>) -> bool {
    place.class.member("__abstract__").is_some_and(|value| value.is("True"))
}

fn has_primary_key(columns: &[Column]) -> bool {
    columns.iter().any(|column| column.rules.iter().any(|rule| rule.contains("primary_key")))
}

/// The name that the method `__tablename__` of a base computes from the name of the class.
fn computed_name<'a>(classes: &Classes<'a>, place: Place<'a>) -> Option<String> {
    let ancestors = classes.ancestors(place);
    let method =
        ancestors.iter().find_map(|base| base.class.methods.iter().find(|method| method.name == "__tablename__"))?;
    let name = &place.class.name;
    Some(if method.body.contains("__name__.lower()") { name.to_lowercase() } else { snake_case(name) })
}

/// The columns of a class: those of its mixins, then its own.
fn columns<'a>(classes: &Classes<'a>, place: Place<'a>) -> Vec<Column> {
    let mut found: Vec<Column> = Vec::new();
    let is_sql_model = classes.inherits(place, |_, base| last_name(base) == "SQLModel");
    let ancestors = classes.ancestors(place);
    let mixins = ancestors.iter().filter(|base| base.class.member("__tablename__").is_none());
    for class in mixins.rev().chain([&place]).map(|place| place.class) {
        for member in &class.members {
            found.retain(|other| other.name != member.name);
            found.extend(column(member, is_sql_model));
        }
        for method in &class.methods {
            let is_declared = method.decorators.iter().any(|decorator| decorator.contains("declared_attr"));
            let is_column = is_declared && COLUMNS.iter().any(|name| method.body.contains(&format!("{name}(")));
            if is_column {
                found.push(Column { name: method.name.clone(), kind: String::new(), rules: Vec::new() });
            }
        }
    }
    let mut names = BTreeSet::new();
    found.retain(|column| names.insert(column.name.clone()));
    found
}

/// The column that a member declares.
fn column(member: &Member, is_sql_model: bool) -> Option<Column> {
    if let Some(column) = member.value.as_ref().and_then(Value::call).and_then(declared) {
        let kind = member.annotation.as_deref().map(type_of).filter(|_| column.kind.is_empty());
        let name = if column.name.is_empty() { member.name.clone() } else { column.name };
        return Some(Column { name, kind: kind.unwrap_or(column.kind), ..column });
    }
    let annotation = member.annotation.as_deref()?;
    let function = member.value.as_ref().and_then(Value::call).map(Call::name);
    let is_mapped = annotation.contains("Mapped[") && function.is_none();
    let is_field = is_sql_model && !matches!(function, Some("Relationship")) && !annotation.contains("ClassVar");
    let is_private = member.name.starts_with('_') || member.name == "model_config";
    (is_mapped || is_field && !is_private).then(|| {
        let call = member.value.as_ref().and_then(Value::call);
        let inner = call.and_then(|call| call.named("sa_column")).and_then(Value::call).and_then(declared);
        let name = inner.map(|inner| inner.name).filter(|name| !name.is_empty());
        let rules = call.map(|call| one_line(&call.text)).filter(|rules| !rules.is_empty());
        Column {
            name: name.unwrap_or_else(|| member.name.clone()),
            kind: type_of(annotation),
            rules: rules.into_iter().collect(),
        }
    })
}

/// `Mapped[int]` as `int`.
fn type_of(annotation: &str) -> String {
    let inner = annotation.split_once("Mapped[").and_then(|(_, inner)| inner.strip_suffix(']'));
    inner.unwrap_or(annotation).to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The column of a call of `Column` or `mapped_column`, also inside another call. The name is empty if it is that of the
/// member.
pub(super) fn declared(call: &Call) -> Option<Column> {
    if !COLUMNS.contains(&call.name()) {
        let wraps = matches!(call.name(), "deferred" | "column_property");
        return call.arguments.first().filter(|_| wraps)?.call().and_then(declared);
    }
    let mut arguments = call.arguments.iter();
    let name = call.arguments.first().and_then(Value::text).or_else(|| call.named("name")?.text());
    let kind = arguments.find_map(|argument| match argument {
        Value::Source(kind) if kind != "None" => Some(kind.clone()),
        Value::Call(call) if !matches!(call.name(), "ForeignKey" | "Sequence" | "Identity") => {
            Some(one_line(&format!("{}({})", call.function, call.text)))
        }
        _ => None,
    });
    let rule = |(name, value): &(String, Value)| match value {
        Value::Source(source) => Some(format!("{name}={source}")),
        Value::Text(text) => Some(format!("{name}=\"{text}\"")),
        Value::Call(call) => Some(one_line(&format!("{name}={}({})", call.function, call.text))),
        Value::List(_) | Value::Dictionary(_) => None,
    };
    let keys = call.arguments.iter().filter_map(Value::call).filter(|call| call.name() == "ForeignKey");
    let keys = keys.map(|key| one_line(&format!("ForeignKey({})", key.text)));
    Some(Column {
        name: name.unwrap_or_default().to_owned(),
        kind: kind.unwrap_or_default(),
        rules: keys.chain(call.named.iter().filter_map(rule)).collect(),
    })
}

/// The table of `name = Table("name", metadata, Column(…))`.
fn classical(path: &str, member: &Member) -> Option<Table> {
    let call = member.value.as_ref()?.call().filter(|call| call.name() == "Table")?;
    let name = call.text(0, "name")?;
    let columns: Vec<Column> = call.arguments.iter().filter_map(|value| declared(value.call()?)).collect();
    let schema = call.named("schema").and_then(Value::text).map(|schema| format!("{schema}."));
    (!columns.is_empty()).then(|| Table {
        name: format!("{}{name}", schema.unwrap_or_default()),
        place: format!("{path}:{}", call.line),
        columns,
        ..Table::default()
    })
}
