// The phone of this page: SIP.js, the page's own sound. Loaded only when it is wanted, since it is most of the bundle.

import { prefs } from "../prefs";
import { microphone } from "./devices";
import { PageEars } from "./ears";
import { sipJs } from "./sip-js";
import { SipPhone } from "./sip-phone";

/** An operator's phone, which can be rung from now on. */
export function operatorsPhone(user: string): SipPhone {
  return started(user, true);
}

/** The phone of somebody who only calls. */
export function callersPhone(): SipPhone {
  return started("visitor", false);
}

function started(user: string, registers: boolean): SipPhone {
  const settings = {
    registers,
    // What is chosen later counts from the next call on.
    get microphone() {
      return microphone();
    },
  };
  const phone = new SipPhone(sipJs(user, location, !registers), new PageEars(prefs), settings);
  phone.start();
  return phone;
}
