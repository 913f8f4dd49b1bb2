// The button that prints the roster; without JavaScript the browser's own menu does.
"use strict";

const button = document.getElementById("print");
button.hidden = false;
button.addEventListener("click", () => window.print());
