// Shows who is signed in; signs in by the code in the address, or by name and password; signs out.
"use strict";

const sessions = "/api/v1/sessions";
const told = document.getElementById("told");
const form = document.getElementById("sign-in");
const signOut = document.getElementById("sign-out");
let csrfToken = "";

async function ask(method, address, body) {
  const headers = { "Content-Type": "application/json" };
  if (csrfToken) headers["Terrazul-Csrf-Token"] = csrfToken;
  const text = body && JSON.stringify(body);
  const answer = await fetch(address, { method, headers, body: text, credentials: "same-origin" });
  const content = await answer.text();
  const value = content ? JSON.parse(content) : null;
  if (!answer.ok) throw new Error([value.message, value.hint].filter(Boolean).join(" "));
  return value;
}

function show(signedIn, sentence) {
  csrfToken = signedIn ? signedIn.csrf_token : "";
  told.textContent = sentence || (signedIn ? `You are signed in as ${signedIn.session.user}.` : "You are not signed in.");
  form.hidden = Boolean(signedIn);
  signOut.hidden = !signedIn;
}

async function signIn(given) {
  try {
    show(await ask("POST", sessions, given));
  } catch (problem) {
    show(null, problem.message);
  }
}

async function look() {
  try {
    show(await ask("GET", `${sessions}/current`));
  } catch {
    show(null);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, password } = Object.fromEntries(new FormData(form));
  form.elements.password.value = "";
  await signIn({ name, password });
});

signOut.addEventListener("click", async () => {
  try {
    await ask("DELETE", `${sessions}/current`);
    show(null);
  } catch (problem) {
    await look();
  }
});

const code = new URLSearchParams(location.hash.slice(1)).get("code");
if (code) {
  history.replaceState(null, "", location.pathname); // neither the history nor a bookmark keeps it
  signIn({ code });
} else {
  look();
}
