// Every word on the page, in the two languages it speaks.

const words = {
  en: {
    language: "中文", sign_in: "Sign in", leave: "Leave", sign_in_title: "Sign in as an operator",
    name: "Name", secret: "Secret", cancel: "Cancel",
    live: "Live", connecting: "Connecting", lost: "Not connected",
    banner: "The connection is lost: what you see is from {time}. Reconnecting …",
    draining: "The engine is stopping: new calls are refused, calls in hand go on.",
    replaced: "{name} signed in somewhere else. This page only watches now.",
    expired: "{name}'s session has run out: sign in again. This page only watches now.",
    closed: "Sign in to watch: this hotline shows its queue to nobody else.",
    now: "Now", waiting: "Waiting", oldest: "Longest wait", lines: "Lines in use", free: "Operators free",
    of: "of {n}", of_signed_on: "of {n} signed on",
    waiting_note: "{queued} for a line, {admitted} for an operator, {ringing} ringing",
    nobody: "Nobody is waiting.", over: "over the standard's 15 s",
    within: "within the standard's 15 s",
    lines_same: "no change ahead", lines_next: "{n} from {time}", lines_over: "{n} more than in force: no admissions until they end",
    operators_note: "{talking} talking, {wrap_up} in wrap-up, {paused} paused",
    waiting_list: "Waiting callers", place: "Place", queue: "Queue", caller: "Caller", waited: "Waited", stage: "Stage",
    more: "and {n} more",
    withheld: "withheld", operators: "Operators", operator: "Operator", state: "State", for: "For", phone: "Phone",
    answered: "Answered", registered: "registered", unregistered: "not registered",
    ready: "Ready", pause: "Pause", sign_off: "Sign off", extend: "More wrap-up", reasons: "Why pause?",
    to_call: "Call", to_register: "Register a phone", metrics: "Metrics",
    queued: "for a line", admitted: "for an operator", ringing: "rings at {operator}", leaving: "hears a last word",
    signed_off: "signed off", paused: "paused", available: "free", reserved: "phone rings", talking: "talking",
    wrap_up: "wrap-up", ends_in: "ends in {time}",
    not_ready: "not ready yet", no_answer: "did not answer", declined: "declined a call",
    phone_gone: "phone not registered", phone_busy: "phone busy",
    done: "Done.", no_connection: "Not connected: nothing was sent.",
    refused: {},
  },
  zh: {
    language: "English", sign_in: "登录", leave: "退出", sign_in_title: "话务员登录",
    name: "工号", secret: "口令", cancel: "取消",
    live: "实时", connecting: "连接中", lost: "未连接",
    banner: "连接已断开：当前显示的是 {time} 的情况，正在重新连接……",
    draining: "系统即将停止：不再接入新来电，通话中的不受影响。",
    replaced: "{name} 已在别处登录，本页面现仅供查看。",
    expired: "{name} 的登录已过期，请重新登录。本页面现仅供查看。",
    closed: "请登录后查看：本热线的队列不对外公开。",
    now: "当前", waiting: "等候人数", oldest: "最长等候", lines: "占用线路", free: "空闲话务员",
    of: "/ {n}", of_signed_on: "/ {n} 在岗",
    waiting_note: "等线路 {queued}，等话务员 {admitted}，振铃 {ringing}",
    nobody: "当前无人等候。", over: "已超过 15 秒标准",
    within: "未超过 15 秒标准",
    lines_same: "近期无变化", lines_next: "{time} 起 {n} 条", lines_over: "超出现有线路 {n} 条：待其结束后再接入",
    operators_note: "通话 {talking}，整理 {wrap_up}，暂停 {paused}",
    waiting_list: "等候队列", place: "位次", queue: "队列", caller: "来电号码", waited: "已等候", stage: "阶段",
    more: "另有 {n} 人",
    withheld: "未显示号码", operators: "话务员", operator: "工号", state: "状态", for: "持续", phone: "话机",
    answered: "已接", registered: "已注册", unregistered: "未注册",
    ready: "就绪", pause: "暂停", sign_off: "签退", extend: "延长整理", reasons: "暂停原因",
    to_call: "拨打", to_register: "话机注册", metrics: "监控指标",
    queued: "等线路", admitted: "等话务员", ringing: "{operator} 振铃中", leaving: "播放结束语",
    signed_off: "未签到", paused: "暂停", available: "空闲", reserved: "振铃", talking: "通话中",
    wrap_up: "话后整理", ends_in: "剩余 {time}",
    not_ready: "尚未就绪", no_answer: "未应答", declined: "拒接来电",
    phone_gone: "话机未注册", phone_busy: "话机占线",
    done: "已完成。", no_connection: "未连接，操作未发送。",
    refused: {
      wrong_secret: "工号或口令不正确。", too_many_attempts: "错误次数过多，请一分钟后再试。",
      signed_off: "尚未签到，请先签到。", phone_gone: "话机未注册，请检查话机是否开机并已联网。",
      not_in_wrap_up: "当前不在话后整理，无需延长。", wrap_up_max: "话后整理已延长到上限。",
      unknown_pause_reason: "没有这个暂停原因。", overloaded: "系统繁忙或正在停止，请重试。",
      no_answer: "系统未及时应答，请先查看状态再重试。", not_signed_in: "请先登录。",
    },
  },
};

let language = localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
if (!(language in words)) language = "en";

/** The language in use: `en` or `zh`. */
export const current = () => language;

/** Changes to the other language and remembers it. */
export function toggle() {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem("language", language);
}

/** The words for `key`, with `{name}` filled in from `values`. A key that is not known is shown as it is. */
export function say(key, values = {}) {
  const text = words[language][key];
  if (typeof text !== "string") return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Why a command was refused: in the page's language if known, else as the server says it. */
export const refusal = ({ code, message }) => words[language].refused[code] ?? message;

/** Milliseconds as `m:ss` or `h:mm:ss`. */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

let timeZone;

/** Tells the time in this zone from now on; in the browser's own if it is empty. */
export function useTimeZone(zone) {
  timeZone = zone || undefined;
}

/** A moment as the hotline's time of day. */
export const timeOfDay = (ms, seconds = false) =>
  new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", {
    hour: "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }), timeZone,
  }).format(ms);
