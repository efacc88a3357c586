// Which microphone and loudspeakers this page uses, as chosen in this browser; the system's own where nothing was.

import { prefs } from "../prefs";
import { devices } from "./ears";

export type Kind = "microphone" | "speaker" | "ringer";

export interface Device {
  readonly id: string;
  /** Empty until a microphone was allowed. */
  readonly name: string;
}

/** The constraints that take the chosen microphone. One that was unplugged is no reason to have none. */
export function microphone(): MediaTrackConstraints {
  return prefs.microphone === "" ? {} : { deviceId: { ideal: prefs.microphone } };
}

/** What there is to choose from. The browser's own entries for "default" are left out: nothing chosen means that. */
export async function choices(): Promise<Record<Kind, Device[]>> {
  const { microphones, speakers } = await devices();
  const named = (all: MediaDeviceInfo[]) =>
    all
      .filter(({ deviceId }) => deviceId !== "" && deviceId !== "default" && deviceId !== "communications")
      .map(({ deviceId, label }) => ({ id: deviceId, name: label }));
  return { microphone: named(microphones), speaker: named(speakers), ringer: named(speakers) };
}

/** Asks for a microphone for a moment, so that the browser allows it and tells the devices' names. */
export async function allow(): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  for (const track of stream.getTracks()) track.stop();
}
