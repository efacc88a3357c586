//! The words on the screen, in Chinese and English.

use super::state::{Stage, Standing};

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Chinese,
}

/// All texts of one language.
pub(super) struct Words {
    pub(super) live: &'static str,
    pub(super) connecting: &'static str,
    pub(super) lost: &'static str,
    pub(super) draining: &'static str,
    pub(super) waiting: &'static str,
    pub(super) oldest: &'static str,
    pub(super) lines: &'static str,
    pub(super) then: &'static str,
    pub(super) free: &'static str,
    pub(super) operators: &'static str,
    pub(super) all_queues: &'static str,
    pub(super) queue: &'static str,
    pub(super) nobody: &'static str,
    pub(super) withheld: &'static str,
    pub(super) call_back: &'static str,
    pub(super) more: &'static str,
    pub(super) calls_columns: [&'static str; 5],
    pub(super) operators_columns: [&'static str; 5],
    pub(super) keys: &'static str,
    pub(super) by: [&'static str; 3],
    pub(super) sorted: &'static str,
}

const ENGLISH: Words = Words {
    live: "live",
    connecting: "connecting",
    lost: "no connection for",
    draining: "stopping: no new calls",
    waiting: "Waiting",
    oldest: "longest",
    lines: "Lines",
    then: "from",
    free: "Free",
    operators: "Operators",
    all_queues: "all queues",
    queue: "queue",
    nobody: "nobody waits",
    withheld: "withheld",
    call_back: "call-back",
    more: "more",
    calls_columns: ["place", "queue", "caller", "waited", "stage"],
    operators_columns: ["name", "state", "for", "phone", "calls"],
    keys: " q quit   s sort   f queue   l 中文   ↑↓ scroll ",
    by: ["name", "state", "time"],
    sorted: "by",
};

const CHINESE: Words = Words {
    live: "实时",
    connecting: "连接中",
    lost: "连接已断开",
    draining: "正在停止，不再接新来电",
    waiting: "等候",
    oldest: "最久",
    lines: "线路",
    then: "起",
    free: "空闲",
    operators: "话务员",
    all_queues: "全部队列",
    queue: "队列",
    nobody: "无人等候",
    withheld: "未显示号码",
    call_back: "回拨",
    more: "另有",
    calls_columns: ["位次", "队列", "来电号码", "已等候", "阶段"],
    operators_columns: ["工号", "状态", "持续", "话机", "已接"],
    keys: " q 退出   s 排序   f 队列   l English   ↑↓ 滚动 ",
    by: ["工号", "状态", "时长"],
    sorted: "排序",
};

impl Language {
    /// By the environment, as every program's: the first of these that is set.
    pub(super) fn of_environment() -> Self {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
        match set {
            Some(value) if value.starts_with("zh") => Self::Chinese,
            _ => Self::English,
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }

    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }

    pub(super) const fn stage(self, stage: Stage) -> &'static str {
        let (english, chinese) = match stage {
            Stage::Queued => ("for a line", "等线路"),
            Stage::Admitted => ("for an operator", "等话务员"),
            Stage::Ringing => ("rings", "振铃"),
            Stage::CallingBack => ("calling back", "回拨中"),
            Stage::Talking => ("talks", "通话中"),
            Stage::Leaving => ("last word", "播放结束语"),
            Stage::Forwarded => ("elsewhere", "已转出"),
            Stage::Unknown => ("?", "?"),
        };
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }

    pub(super) const fn standing(self, standing: Standing) -> &'static str {
        let (english, chinese) = match standing {
            Standing::SignedOff => ("signed off", "未签到"),
            Standing::Paused => ("paused", "暂停"),
            Standing::Available => ("free", "空闲"),
            Standing::Reserved => ("rings", "振铃"),
            Standing::Talking => ("talks", "通话中"),
            Standing::WrapUp => ("wrap-up", "话后整理"),
            Standing::Unknown => ("?", "?"),
        };
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }
}
