// The live page asks its own server whether there are new runs, and reloads if so; what is chosen stands in the address.
"use strict";
(() => {
  const SECONDS = 3;
  let known = null;
  setInterval(async () => {
    try {
      const { state } = await (await fetch("state")).json();
      if (known !== null && state !== known) location.reload();
      known = state;
    } catch {
      document.querySelector("[role=status]").textContent = "The server has ended: this is the last state.";
    }
  }, 1000 * SECONDS);
})();
