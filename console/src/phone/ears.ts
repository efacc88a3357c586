// What makes a phone heard: ringing made on the spot, and the other side's voice in an audio element.

import type { Ears } from "./sip-phone";

/** One ring: two tones together, as bells do, in hertz and seconds. */
const TONES_HZ = [440, 480] as const;
const RING_S = 1;
const RING_EVERY_S = 3;
const LOUDNESS = 0.12;

/** An element's or a context's setSinkId, which TypeScript's own types lack in some versions, and some browsers too. */
type Sink = { setSinkId?: (device: string) => Promise<void> };

export class PageEars implements Ears {
  private readonly audio = new Audio();
  private context: AudioContext | null = null;

  /** `speaker` and `ringer` tell the devices to be heard at; empty for the system's own. */
  constructor(private readonly where: { readonly speaker: string; readonly ringer: string }) {
    this.audio.autoplay = true;
    // In the page, so that it is found by who measures it.
    this.audio.hidden = true;
    this.audio.dataset["phone"] = "remote";
    document.body.append(this.audio);
  }

  ring(): () => void {
    this.context ??= new AudioContext();
    const { context } = this;
    void context.resume();
    sinkTo(context, this.where.ringer);
    const volume = context.createGain();
    volume.gain.value = 0;
    volume.connect(context.destination);
    const tones = TONES_HZ.map((hertz) => {
      const tone = context.createOscillator();
      tone.frequency.value = hertz;
      tone.connect(volume);
      tone.start();
      return tone;
    });
    const once = () => {
      const now = context.currentTime;
      volume.gain.setTargetAtTime(LOUDNESS, now, 0.02);
      volume.gain.setTargetAtTime(0, now + RING_S, 0.05);
    };
    once();
    const timer = setInterval(once, RING_EVERY_S * 1_000);
    return () => {
      clearInterval(timer);
      for (const tone of tones) tone.stop();
      volume.disconnect();
    };
  }

  listen(stream: MediaStream | null): void {
    this.audio.srcObject = stream;
    if (stream !== null) sinkTo(this.audio, this.where.speaker);
    // Refused only before the page was ever touched; answering touches it.
    if (stream !== null) this.audio.play().catch(() => undefined);
  }
}

/** Lets something be heard at a device. One that is gone leaves it where it was: better heard there than not at all. */
function sinkTo(what: object, device: string): void {
  (what as Sink).setSinkId?.(device).catch(() => undefined);
}

/** The microphones and loudspeakers that may be chosen. Their names show once a microphone was allowed. */
export async function devices(): Promise<{ microphones: MediaDeviceInfo[]; speakers: MediaDeviceInfo[] }> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return {
    microphones: all.filter((device) => device.kind === "audioinput"),
    speakers: all.filter((device) => device.kind === "audiooutput"),
  };
}
