// The operator's phone of this page, as long as somebody is signed in who wants it here.

import { useEffect, useState } from "preact/hooks";
import type { Phone } from "./phone";

/** Whether this page may have a microphone at all: only over HTTPS, or from this very machine. */
export function mayHear(): boolean {
  return navigator.mediaDevices !== undefined;
}

/** A phone for this operator; null for none, as when the own phone is on the desk. */
export function usePhone(operator: string | undefined, wanted: boolean): Phone | null {
  const [phone, setPhone] = useState<Phone | null>(null);
  useEffect(() => {
    if (operator === undefined || !wanted || !mayHear()) return;
    let close: (() => void) | null = null;
    let left = false;
    // Loaded when it is wanted: the first view does not wait for it.
    void import("./page-phone").then(({ operatorsPhone }) => {
      if (left) return;
      const made = operatorsPhone(operator);
      close = () => made.close();
      setPhone(made);
    });
    return () => {
      left = true;
      close?.();
      setPhone(null);
    };
  }, [operator, wanted]);
  return phone;
}
