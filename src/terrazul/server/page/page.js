// Shows who is signed in; signs in by the code in the address, or by name and password; signs out.
"use strict";

const sessions = "/api/v1/sessions";
const told = document.getElementById("told");
const signIn = document.getElementById("sign-in");
const form = document.getElementById("by-password");
const signedIn = document.getElementById("signed-in");
const code = document.getElementById("code");
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

function show(current, problem) {
  csrfToken = current ? current.csrf_token : "";
  told.textContent = problem || (current ? `You are signed in as ${current.session.user}.` : "You are not signed in.");
  told.classList.toggle("problem", Boolean(problem));
  signIn.hidden = Boolean(current);
  signedIn.hidden = !current;
  code.hidden = true;
}

async function signInBy(given) {
  told.textContent = "Signing in …";
  told.classList.remove("problem");
  try {
    show(await ask("POST", sessions, given));
  } catch (problem) {
    show(null, problem.message);
  }
}

async function look(problem) {
  try {
    show(await ask("GET", `${sessions}/current`), problem);
  } catch {
    show(null, problem);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, password } = Object.fromEntries(new FormData(form));
  form.elements.password.value = "";
  await signInBy({ name, password });
});

document.getElementById("sign-out").addEventListener("click", async () => {
  try {
    await ask("DELETE", `${sessions}/current`);
    show(null);
  } catch (problem) {
    await look(problem.message);
  }
});

document.getElementById("show-code").addEventListener("click", async () => {
  try {
    code.querySelector("pre").textContent = (await ask("POST", `${sessions}/codes`, {})).code;
    code.hidden = false;
    setTimeout(() => { code.hidden = true; }, 60000); // by then it is worth nothing
  } catch (problem) {
    await look(problem.message);
  }
});

const given = new URLSearchParams(location.hash.slice(1)).get("code");
if (given) {
  history.replaceState(null, "", location.pathname); // neither the history nor a bookmark keeps it
  signInBy({ code: given });
} else {
  if (location.pathname.startsWith("/sign-in")) history.replaceState(null, "", "/"); // what is there counts once
  look(told.textContent);
}
