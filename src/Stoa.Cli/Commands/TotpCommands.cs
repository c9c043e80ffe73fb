using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa account totp</c>: an authenticator as the second factor.</summary>
internal static class TotpCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "totp",
        "An authenticator as a second factor: a code of six digits at each sign-in.",
        [new("Enrol one", "stoa account totp enable")],
        new EnableCommand(scope),
        new ConfirmCommand(scope),
        new CodesCommand(scope),
        new DisableCommand(scope),
        new RemoveCommand(scope));

    private static Argument<string> Code(string description) => new("CODE") { Description = description };

    private static async Task<string?> AskPasswordAsync(Invocation invocation, SecretInput secrets, CancellationToken cancellationToken) =>
        (await invocation.Client.GetAccountSecurityAsync(cancellationToken)).HasPassword ? await secrets.AskAsync("Password:", cancellationToken) : null;

    private static int Tell(Invocation invocation, RecoveryCodesResponse made)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(made, json => json.RecoveryCodesResponse);
            return ExitCode.Ok;
        }

        foreach (var code in made.Codes)
            invocation.Screen.Line(code);
        invocation.Screen.Note("[grey]Recovery codes: each opens the door once when the authenticator is lost. Keep them where it is not; they are not shown again.[/]");
        return ExitCode.Ok;
    }

    private sealed class EnableCommand : StoaCommand
    {
        private readonly Option<bool> _stdin = SecretInput.Option("the password, on one line");

        public EnableCommand(CommandScope scope)
            : base(
                scope,
                "enable",
                "Enrol an authenticator: shows a secret for it and, on a terminal, asks for a first code.",
                new("Enrol one", "stoa account totp enable"),
                new("As a QR code", "cat password.txt | stoa account totp enable --json --password-stdin | jq -r .uri | qrencode -t ansiutf8")) =>
            Add(_stdin);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var secrets = new SecretInput(invocation, invocation.Get(_stdin));
            var password = await AskPasswordAsync(invocation, secrets, cancellationToken);
            var made = await invocation.Client.BeginTotpAsync(new BeginTotpRequest(password), cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(made, json => json.TotpResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Facts(("Secret", Format.Escaped(made.Secret)), ("Link", Format.Escaped(made.Uri)));
            if (!secrets.CanAsk)
            {
                invocation.Screen.Note("[grey]Give it to the authenticator, then put it in force with: stoa account totp confirm CODE[/]");
                return ExitCode.Ok;
            }

            var code = await secrets.AskCodeAsync("Give it to the authenticator. The code that it shows now:", cancellationToken);
            return Tell(invocation, await invocation.Client.ConfirmTotpAsync(new TotpCodeRequest(code), cancellationToken));
        }
    }

    private sealed class ConfirmCommand : StoaCommand
    {
        private readonly Argument<string> _code = Code("Six digits that the authenticator shows now.");

        public ConfirmCommand(CommandScope scope)
            : base(
                scope,
                "confirm",
                "Put an authenticator in force by a first code of it. Shows ten recovery codes, this once.",
                new CommandExample("After enable in a script", "stoa account totp confirm 287082")) =>
            Add(_code);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.ConfirmTotpAsync(new TotpCodeRequest(invocation.Get(_code)), cancellationToken));
    }

    private sealed class CodesCommand : StoaCommand
    {
        private readonly Argument<string> _code = Code("Six digits of the authenticator, or a recovery code.");

        public CodesCommand(CommandScope scope)
            : base(
                scope,
                "codes",
                "Make new recovery codes. The ones from before are worth nothing any more.",
                new CommandExample("Few are left", "stoa account totp codes 287082")) =>
            Add(_code);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.RenewRecoveryCodesAsync(new TotpCodeRequest(invocation.Get(_code)), cancellationToken));
    }

    private sealed class DisableCommand : StoaCommand
    {
        private readonly Argument<string> _code = Code("Six digits of the authenticator, or a recovery code.");
        private readonly Option<bool> _stdin = SecretInput.Option("the password, on one line");

        public DisableCommand(CommandScope scope)
            : base(
                scope,
                "disable",
                "Do without a second factor. Needs the password and a code.",
                new CommandExample("Before a new telephone", "stoa account totp disable 287082"))
        {
            Add(_code);
            Add(_stdin);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var secrets = new SecretInput(invocation, invocation.Get(_stdin));
            var password = await AskPasswordAsync(invocation, secrets, cancellationToken);
            await invocation.Client.RemoveTotpAsync(new RemoveTotpRequest(invocation.Get(_code), password), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line("There is no second factor any more.");
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa account totp remove</c>.</summary>
    private sealed class RemoveCommand : StoaCommand
    {
        private readonly Argument<string> _handle = new("HANDLE") { Description = "Whose it is." };

        public RemoveCommand(CommandScope scope)
            : base(
                scope,
                "remove",
                "For administrators: remove the second factor of a user who has lost it. All of the user's sessions end, and the user gets a letter.",
                new CommandExample("Ada has lost her telephone", "stoa account totp remove ada")) =>
            Add(_handle);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var handle = invocation.Get(_handle);
            await invocation.Client.RemoveUserTotpAsync(handle, cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{handle} has no second factor any more, and all sessions of {handle} are ended.");
            return ExitCode.Ok;
        }
    }
}
