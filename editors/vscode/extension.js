// Starts `neural lsp` and connects the editor with it. Colours come from syntaxes/ and need no server.
const { window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function activate() {
  const [command, ...args] = workspace.getConfiguration("neural").get("command");
  client = new LanguageClient(
    "neural",
    "Neural",
    { command, args },
    { documentSelector: [{ language: "neural" }] },
  );
  try {
    await client.start();
  } catch (error) {
    window.showWarningMessage(
      `Neural: \`${[command, ...args].join(" ")}\` did not start (${error.message}). ` +
        'Install it with: pip install "neuralc[lsp]", or set neural.command.',
    );
  }
}

function deactivate() {
  return client ? client.stop() : undefined;
}

module.exports = { activate, deactivate };
