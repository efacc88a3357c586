// The phone of this page: SIP.js, the page's own sound. Loaded only when it is wanted, since it is most of the bundle.

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
  const phone = new SipPhone(sipJs(user, location, !registers), new PageEars(), { registers, microphone: {} });
  phone.start();
  return phone;
}
