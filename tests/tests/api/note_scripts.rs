//! Search in every script: typical queries find the matching notes and no others.

use deckwatch_protocol::{FoundNote, Operation, Page};
use deckwatch_tests::{Agent, Api, Caller, TestRequest};
use serde_json::json;

use crate::notes::saved;

async fn total(agent: &Agent, q: &str) -> u32 {
    let encoded = q.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let ask = TestRequest::of(Operation::ListNotes).query(format!("venture={}&q={encoded}", agent.venture));
    agent.send(ask).await.of::<Page<FoundNote>>(200).total
}

/// A script, the text of a note, queries that find it, and queries that don't.
type Line = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const TABLE: &[Line] = &[
    (
        "Latin",
        "The deployments of Zürich are naïve",
        &["deployment", "depl", "deploying", "ZURICH", "naive zur"],
        &["ployment", "de", "deploymentx"],
    ),
    (
        "German",
        "Die Straße und die Größe",
        &["strasse", "STRASSE", "straße", "STRAẞE", "grosse", "Gröss"],
        &["trasse", "gross e x"],
    ),
    ("German capitals", "STRAẞE", &["strasse", "Straße", "STRASSE", "straẞe"], &["strase"]),
    ("Nordic and Polish", "Ørsted, Æsir, Łódź, þing", &["orsted", "aesir", "lodz", "thing", "ØRSTED"], &["sted"]),
    ("Turkish", "İstanbul ve ısı", &["istanbul", "ISTANBUL", "isi"], &["tanbul"]),
    ("Vietnamese", "Tiếng Việt của đồng", &["tieng viet", "tiếng", "dong", "TIẾNG"], &["iet"]),
    ("Greek", "Η Ελλάδα και ο Σοφός ΟΔΟΣ", &["ελλαδα", "ΕΛΛΑΔΑ", "σοφος", "οδός", "ελλ"], &["λαδα"]),
    ("Cyrillic", "Ёлка и развёртывание, за\u{301}мок", &["елка", "развертывание", "РАЗВЁРТ", "замок"], &["тывание"]),
    ("Armenian", "Երևան քաղաք", &["երևան", "ԵՐԵՒԱՆ", "քաղ"], &["ղաք"]),
    ("Georgian", "თბილისი ქალაქი", &["თბილისი", "ქალ"], &["ბილისი"]),
    ("Arabic", "مُحَمَّد كَتَبَ أحمد عـــلم", &["محمد", "كتب", "احمد", "علم", "مُحَمَّد"], &["حمد كتاب"]),
    ("Persian", "می\u{200c}خواهم بروم", &["می خواهم", "می\u{200c}خواهم", "بروم"], &["واهم"]),
    ("Hebrew", "שָׁלוֹם עוֹלָם", &["שלום", "עולם", "שָׁלוֹם", "שלו"], &["לום"]),
    ("Devanagari", "हिन्दी में परिनियोजन", &["हिन्दी", "परिनियोजन", "परिनि"], &["नियोजन"]),
    ("Bengali", "বাংলা ভাষা", &["বাংলা", "ভাষা"], &["ংলা"]),
    ("Tamil", "தமிழ் மொழி", &["தமிழ்", "மொழி"], &["மிழ்"]),
    ("Malayalam", "ന്\u{200d} മലയാളം", &["മലയാളം", "മലയ"], &["യാളം"]),
    (
        "Chinese",
        "我们今天部署新的服务器到生产环境",
        &["部署", "服务", "务器", "生产环境", "今天 部署", "器"],
        &["署部", "昨天", "部署失败"],
    ),
    (
        "Japanese",
        "本番環境へのデプロイ手順。ｶﾞｲﾄﾞとパソコン",
        &["本番", "環境", "デプロイ", "プロ", "手順", "ガイド", "ﾊﾟｿｺﾝ", "番"],
        &["テスト", "番本", "ハソコン"],
    ),
    (
        "Korean",
        "운영 서버를 배포했습니다",
        &["서버", "배포", "서버 배포", "운", "\u{1109}\u{1165}\u{1107}\u{1165}"],
        &["버서", "삭제"],
    ),
    ("Thai", "กำลังติดตั้งเซิร์ฟเวอร์ใหม่", &["ติดตั้ง", "เซิร์ฟเวอร์", "ใหม่"], &["ลบทิ้ง", "เก่า"]),
    ("Thai vowel", "เราทำงานกับน้ำ", &["ทำงาน", "ท\u{e4d}\u{e32}งาน", "น้ำ", "น้\u{e4d}\u{e32}"], &["ทาง"]),
    ("Thai vowel in parts", "เราท\u{e4d}\u{e32}งานกับน้\u{e4d}\u{e32}", &["ทำงาน", "ท\u{e4d}\u{e32}งาน", "น้ำ"], &["ทาง"]),
    ("Lao vowel in parts", "ນ້\u{ecd}\u{eb2}", &["ນ້ຳ"], &[]),
    ("Lao", "ສະບາຍດີຊາວໂລກ", &["ບາຍດີ", "ໂລກ"], &["ລກໂ"]),
    ("Khmer", "សួស្តីពិភពលោក", &["ពិភព", "លោក"], &["កលោ"]),
    ("Myanmar", "မင်္ဂလာပါကမ္ဘာ", &["ကမ္ဘာ", "လာပါ"], &["ပါလာ"]),
    ("Tibetan", "བོད་སྐད་ཡིག", &["སྐད", "བོད"], &["ཀད"]),
    ("Ethiopic", "ሰላም ለዓለም", &["ሰላም", "ለዓለም"], &["ላም"]),
    ("full-width", "Ｄｅｐｌｏｙ ＡＰＩ２", &["deploy", "api2", "ＤＥＰ"], &["ploy"]),
    (
        "mixed",
        "日本語のdeploy手順 v2、C++とC#、foo_bar",
        &["deploy", "手順", "日本語", "語の", "C++", "c#", "foo_bar", "bar", "deploy手順"],
        &["C##", "ployment", "foobar"],
    ),
    ("enclosed", "⑴API ⑵ ㈠㈡ ⒈⒉ 🄀x 12345", &["⑴API", "⑵", "1api", "㈠㈡", "⒈⒉", "12", "🄀x"], &["⑴", "⑶", "㈡㈠"]),
    ("versions", "C++17 and C#12", &["C++", "c#", "C++17", "c#12", "17", "Ｃ＋＋", "Ｃ＃"], &["C++20", "17++"]),
    ("full-width signs", "Ｃ＋＋ and Ｃ＃", &["c++", "C#", "Ｃ＋＋"], &["C+"]),
    (
        "code",
        "k8s ABC-123 at node.example.com, user's x86_64",
        &["k8s", "abc-123", "ABC-123", "example.com", "users", "user's", "x86_64", "123"],
        &["abc-124", "C++", "8s"],
    ),
    (
        "emoji among other signs",
        "🆕 🆘 🆗🈚 ㊙️ ‼️ 〰️ ©️ ⤴️",
        &["🆕", "🆘", "🆗", "🈚", "㊙", "㊙️", "‼️", "〰️", "©", "©️", "⤴"],
        &["🆙", "⁉️", "®️"],
    ),
    ("emoji", "Shipped 🚀 by 👩\u{200d}💻 👍🏽", &["🚀", "🚀 shipped", "👩\u{200d}💻", "👍"], &["🎉", "👎"]),
];

#[tokio::test]
async fn typical_queries_find_text_in_every_script() {
    let api = Api::start().await;
    let mut wrong = Vec::new();
    for (script, text, finding, missing) in TABLE {
        let in_text = api.agent().await;
        saved(&in_text, json!({ "title": "T", "content": text })).await;
        let in_title = api.agent().await;
        saved(&in_title, json!({ "title": text, "content": "of it" })).await;
        for agent in [&in_text, &in_title] {
            for (queries, expected) in [(finding, 1), (missing, 0)] {
                for q in *queries {
                    if total(agent, q).await != expected {
                        wrong.push(format!("{script}: {q} finds {}", 1 - expected));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_match_in_the_title_ranks_above_the_text_and_a_word_above_a_prefix() {
    let api = Api::start().await;
    let agent = api.agent().await;
    // From the worst match to the best, so that sorting by age does not help. More of the two words in the title rank
    // higher.
    let fields = [
        json!({ "title": "T", "content": "a redeployer, deploymentwise and the alphabet" }),
        json!({ "title": "T", "content": "deploy alpha" }),
        json!({ "title": "T", "content": "deploy deploy deploy alpha alpha alpha" }),
        json!({ "title": "Deployment", "content": "alpha" }),
        json!({ "title": "Deploying", "content": "alpha alpha alpha" }),
        json!({ "title": "Deploy Alpha", "content": "of it" }),
    ];
    let mut ids = Vec::new();
    for field in fields {
        ids.push(saved(&agent, field).await.id);
    }
    // Newer notes that match less well.
    saved(&agent, json!({ "title": "Deploy", "content": "beta" })).await;
    let ask = TestRequest::of(Operation::ListNotes).query(format!("venture={}&q=deploy+alpha", agent.venture));
    let page: Page<FoundNote> = agent.send(ask).await.of(200);
    let found: Vec<_> = page.items.into_iter().rev().map(|note| note.id).collect();
    assert_eq!(found, ids);
}

#[tokio::test]
async fn a_tag_is_the_same_in_every_unicode_spelling() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note = saved(&agent, json!({ "tags": ["cafe\u{301}", "caf\u{e9}"] })).await;
    assert_eq!(note.tags.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["caf\u{e9}"]);
    for tag in ["cafe%CC%81", "caf%C3%A9"] {
        for more in ["", "&q=plan"] {
            let ask = TestRequest::of(Operation::ListNotes).query(format!("venture={}&tag={tag}{more}", agent.venture));
            assert_eq!(agent.send(ask).await.of::<Page<FoundNote>>(200).total, 1, "{tag}{more}");
        }
    }
}

#[tokio::test]
async fn a_note_reports_that_it_is_partly_indexed() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let mut long = (0..40_000).map(|n| format!("{n:x} ")).collect::<Vec<_>>().concat();
    long.push_str("atlast");
    let note = saved(&agent, json!({ "content": long })).await;
    assert!(note.indexed_in_part && !saved(&agent, json!({})).await.indexed_in_part);
    assert_eq!((total(&agent, "abc").await, total(&agent, "atlast").await), (1, 0));
    let short =
        crate::notes::update(&agent, &note, json!({ "content": "atlast" })).await.of::<deckwatch_protocol::Note>(200);
    assert!(!short.indexed_in_part);
    assert_eq!((total(&agent, "abc").await, total(&agent, "atlast").await), (0, 1));
}
