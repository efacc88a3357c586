//! What is said: the words for each of the core's audios, with numbers put together by each language's grammar.
//!
//! A word is the name of a prompt file without `.wav`. Pure; the files are the library's.

use crate::Language;
use acd::{Audio, Outcome};
use std::time::Duration;

/// Positions and minutes above this are not spoken as numbers.
const NUMBER_MAX: u32 = 9_999;

/// Longer waits are announced as "more than an hour": a figure would promise too much.
const MINUTES_MAX: u32 = 60;

/// Said behind the greeting where calls are recorded.
pub(crate) const RECORDING_NOTICE: &str = "recording_notice";

/// Words that every language has.
const COMMON: [&str; 19] = [
    "greeting",
    RECORDING_NOTICE,
    "resumed",
    "next",
    "position_before",
    "position_after",
    "wait_before",
    "minutes",
    "wait_under_minute",
    "wait_over_hour",
    "farewell_saturated",
    "farewell_closed",
    "farewell_timed_out",
    "farewell_callback",
    "farewell_failed",
    "call_back_press",
    "cannot_wait",
    STAR,
    HASH,
];

/// How the keys are called that are not numbers.
const STAR: &str = "star";
const HASH: &str = "hash";

const BELOW_TWENTY: [&str; 20] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18",
    "19",
];
const TENS: [&str; 10] = ["0", "10", "20", "30", "40", "50", "60", "70", "80", "90"];
const HUNDRED: &str = "100";
const THOUSAND: &str = "1000";

/// Chinese 两, the two of things counted, beside 二, the two of reckoning.
const TWO_THINGS: &str = "2_things";

/// English "and", as in "one hundred and one".
const AND: &str = "and";

/// Every word a language needs.
pub(crate) fn vocabulary(language: Language) -> Vec<&'static str> {
    let mut words = COMMON.to_vec();
    words.extend([HUNDRED, THOUSAND]);
    match language {
        Language::Chinese => {
            words.extend(&BELOW_TWENTY[0..=10]);
            words.push(TWO_THINGS);
        }
        Language::English => {
            // Zero too, which no number needs, but a key does.
            words.extend(&BELOW_TWENTY);
            words.extend(&TENS[2..]);
            words.push(AND);
        }
    }
    words
}

/// What is said for one of the core's audios. Nothing for plain music.
pub(crate) fn words(audio: Audio, language: Language) -> Vec<&'static str> {
    match audio {
        Audio::Greeting => vec!["greeting"],
        Audio::HoldMusic => vec![],
        Audio::Position {
            position,
            wait,
            call_back,
        } => {
            let mut words = place(position, language);
            words.extend(wait.map(|wait| expected(wait, language)).unwrap_or_default());
            words.extend(call_back.map(offer).unwrap_or_default());
            words
        }
        Audio::CallBackOffer(key) => offer(key),
        Audio::LastOffer(key) => [vec!["cannot_wait"], offer(key)].concat(),
        Audio::Resumed => vec!["resumed"],
        Audio::Farewell(outcome) => farewell(outcome).into_iter().collect(),
    }
}

/// "To keep your place and be called back, press one."
fn offer(key: char) -> Vec<&'static str> {
    let named = match (key, key.to_digit(10)) {
        ('*', _) => STAR,
        ('#', _) => HASH,
        (_, Some(digit)) => BELOW_TWENTY[digit as usize],
        _ => return vec![],
    };
    vec!["call_back_press", named]
}

fn farewell(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Saturated => Some("farewell_saturated"),
        Outcome::Closed => Some("farewell_closed"),
        Outcome::TimedOut => Some("farewell_timed_out"),
        Outcome::Callback => Some("farewell_callback"),
        Outcome::Rejected | Outcome::Failed => Some("farewell_failed"),
        // These callers have hung up, or have talked: there is nothing to say.
        Outcome::Answered | Outcome::Abandoned | Outcome::ShortAbandoned => None,
    }
}

fn place(position: u32, language: Language) -> Vec<&'static str> {
    match position {
        0 | 1 => vec!["next"],
        2..=NUMBER_MAX => [
            vec!["position_before"],
            number(position, language),
            vec!["position_after"],
        ]
        .concat(),
        _ => vec![],
    }
}

/// Rounded up: a caller who is told two minutes does not mind one.
fn expected(wait: Duration, language: Language) -> Vec<&'static str> {
    let minutes = u32::try_from(wait.as_secs().div_ceil(60)).unwrap_or(u32::MAX);
    let spoken = match (minutes, language) {
        (0 | 1, _) => return vec!["wait_under_minute"],
        (2, Language::Chinese) => vec![TWO_THINGS],
        (2..=MINUTES_MAX, _) => number(minutes, language),
        _ => return vec!["wait_over_hour"],
    };
    [vec!["wait_before"], spoken, vec!["minutes"]].concat()
}

/// The words of a number from 1 to [`NUMBER_MAX`].
fn number(n: u32, language: Language) -> Vec<&'static str> {
    match language {
        Language::Chinese => chinese(n),
        Language::English => english(n),
    }
}

/// 一千零二十, 两百一十, 十二: each digit with its unit, one 零 for zeros between digits, and 一十 is 十 at the front.
fn chinese(n: u32) -> Vec<&'static str> {
    let mut words = Vec::new();
    let mut zero_due = false;
    for (unit, word) in [
        (1_000, Some(THOUSAND)),
        (100, Some(HUNDRED)),
        (10, Some("10")),
        (1, None),
    ] {
        let digit = n / unit % 10;
        if digit == 0 {
            zero_due = !words.is_empty();
            continue;
        }
        if std::mem::take(&mut zero_due) {
            words.push("0");
        }
        match (digit, unit) {
            (1, 10) if words.is_empty() => {}
            (2, 100 | 1_000) => words.push(TWO_THINGS),
            _ => words.push(BELOW_TWENTY[digit as usize]),
        }
        words.extend(word);
    }
    words
}

/// One thousand and twenty, two hundred and ten, twenty-one.
fn english(n: u32) -> Vec<&'static str> {
    let mut words = Vec::new();
    for (unit, word) in [(1_000, THOUSAND), (100, HUNDRED)] {
        let digit = n / unit % 10;
        if digit > 0 {
            words.extend([BELOW_TWENTY[digit as usize], word]);
        }
    }
    let rest = (n % 100) as usize;
    if rest > 0 && !words.is_empty() {
        words.push(AND);
    }
    match rest {
        0 => {}
        1..20 => words.push(BELOW_TWENTY[rest]),
        _ => {
            words.push(TENS[rest / 10]);
            words.extend((!rest.is_multiple_of(10)).then(|| BELOW_TWENTY[rest % 10]));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{Chinese, English};

    #[test]
    fn whoever_records_prompts_is_told_of_each() {
        let told = include_str!("../../../config/prompts/README.md");
        for word in [Chinese, English].into_iter().flat_map(vocabulary) {
            let is_number = word.bytes().all(|octet| octet.is_ascii_digit());
            assert!(is_number || told.contains(&format!("`{word}`")), "{word}");
        }
    }

    #[test]
    fn numbers_follow_the_grammar_of_each_language() {
        for (n, zh, en) in [
            (1, "1", "1"),
            (2, "2", "2"),
            (10, "10", "10"),
            (12, "10 2", "12"),
            (20, "2 10", "20"),
            (21, "2 10 1", "20 1"),
            (99, "9 10 9", "90 9"),
            (100, "1 100", "1 100"),
            (101, "1 100 0 1", "1 100 and 1"),
            (110, "1 100 1 10", "1 100 and 10"),
            (112, "1 100 1 10 2", "1 100 and 12"),
            (222, "2_things 100 2 10 2", "2 100 and 20 2"),
            (1_000, "1 1000", "1 1000"),
            (1_001, "1 1000 0 1", "1 1000 and 1"),
            (1_020, "1 1000 0 2 10", "1 1000 and 20"),
            (1_200, "1 1000 2_things 100", "1 1000 2 100"),
            (2_345, "2_things 1000 3 100 4 10 5", "2 1000 3 100 and 40 5"),
            (9_999, "9 1000 9 100 9 10 9", "9 1000 9 100 and 90 9"),
        ] {
            assert_eq!(number(n, Chinese).join(" "), zh, "{n} in Chinese");
            assert_eq!(number(n, English).join(" "), en, "{n} in English");
        }
    }

    #[test]
    fn positions_and_waits_are_told_in_whole_sentences() {
        let check = |position, wait: Option<u64>, language, expect: &str| {
            let audio = Audio::Position {
                position,
                wait: wait.map(Duration::from_secs),
                call_back: None,
            };
            assert_eq!(words(audio, language).join(" "), expect);
        };
        check(1, None, Chinese, "next");
        check(3, None, English, "position_before 3 position_after");
        check(
            3,
            Some(20),
            English,
            "position_before 3 position_after wait_under_minute",
        );
        check(1, Some(60), English, "next wait_under_minute");
        check(1, Some(61), English, "next wait_before 2 minutes");
        check(
            2,
            Some(100),
            Chinese,
            "position_before 2 position_after wait_before 2_things minutes",
        );
        check(
            12,
            Some(22 * 60),
            Chinese,
            "position_before 10 2 position_after wait_before 2 10 2 minutes",
        );
        check(1, Some(3_600), Chinese, "next wait_before 6 10 minutes");
        check(1, Some(3_601), Chinese, "next wait_over_hour");
        check(10_000, Some(u64::MAX), English, "wait_over_hour");
    }

    #[test]
    fn a_call_back_is_offered_with_its_key() {
        let check = |audio, expect: &str| assert_eq!(words(audio, Chinese).join(" "), expect);
        check(Audio::CallBackOffer('1'), "call_back_press 1");
        check(Audio::CallBackOffer('#'), "call_back_press hash");
        check(Audio::LastOffer('0'), "cannot_wait call_back_press 0");
        let with_position = Audio::Position {
            position: 1,
            wait: None,
            call_back: Some('9'),
        };
        check(with_position, "next call_back_press 9");
    }

    #[test]
    fn every_word_that_can_be_said_is_in_the_vocabulary() {
        for language in Language::ALL {
            let known = vocabulary(language);
            let mut audios = vec![Audio::Greeting, Audio::HoldMusic, Audio::Resumed];
            audios.extend(Outcome::ALL.map(Audio::Farewell));
            audios.push(Audio::LastOffer('1'));
            audios.extend("0123456789*#".chars().map(Audio::CallBackOffer));
            for n in 0..=10_001 {
                audios.push(Audio::Position {
                    position: n,
                    wait: None,
                    call_back: None,
                });
                audios.push(Audio::Position {
                    position: 1,
                    wait: Some(Duration::from_secs(u64::from(n) * 60)),
                    call_back: None,
                });
            }
            let mut unused = known.clone();
            unused.retain(|&word| word != RECORDING_NOTICE);
            for word in audios.into_iter().flat_map(|audio| words(audio, language)) {
                assert!(known.contains(&word), "{word} has no file in {language:?}");
                unused.retain(|&w| w != word);
            }
            assert!(unused.is_empty(), "{unused:?} are never said in {language:?}");
        }
    }

    #[test]
    fn a_farewell_is_said_to_those_who_are_still_there() {
        for outcome in Outcome::ALL {
            let gone = matches!(
                outcome,
                Outcome::Answered | Outcome::Abandoned | Outcome::ShortAbandoned
            );
            assert_eq!(
                words(Audio::Farewell(outcome), English).is_empty(),
                gone,
                "{outcome:?}"
            );
        }
    }
}
