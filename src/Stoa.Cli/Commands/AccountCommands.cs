using System.CommandLine;
using System.Text.Json;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa account</c>. Those of the second factor are in <see cref="TotpCommands"/>.</summary>
internal static class AccountCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "account",
        "Your account: password, address, second factor.",
        [
            new("How well is it kept?", "stoa account show"),
            new("Ask for a code at each sign-in", "stoa account totp enable"),
        ],
        new ShowCommand(scope),
        new PasswordCommand(scope),
        new VerifyCommand(scope),
        new RecoverCommand(scope),
        new ResetPasswordCommand(scope),
        new EraseCommand(scope),
        TotpCommands.Create(scope),
        IdentityCommands.Create(scope));

    private static Argument<string> Email() => new("EMAIL") { Description = "The address of the account." };

    private static Option<string?> Code() => new("--code") { Description = "The code of the letter. Left out: a letter is sent.", HelpName = "CODE" };

    /// <summary>The code of a letter: the given one, or else one that is sent now and asked for on a terminal. Null when there is nobody to ask.</summary>
    private static async Task<string?> GetCodeAsync(
        Invocation invocation, SecretInput secrets, string? given, string email, Func<SendCodeRequest, CancellationToken, Task> send, CancellationToken cancellationToken)
    {
        if (given is not null)
            return given;
        await send(new SendCodeRequest(email), cancellationToken);
        invocation.Screen.Note($"[grey]If there is an account with the address {Format.Escaped(email)}, a code is on its way to it.[/]");
        return secrets.CanAsk ? await secrets.AskCodeAsync("Code:", cancellationToken) : null;
    }

    private sealed class ShowCommand(CommandScope scope) : StoaCommand(
        scope,
        "show",
        "Show the account: handle, address, password, second factor.",
        new CommandExample("How well is it kept?", "stoa account show"))
    {
        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var user = await invocation.Client.GetMeAsync(cancellationToken);
            var security = await invocation.Client.GetAccountSecurityAsync(cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.JsonWith(user, json => json.UserResponse, ("security", JsonSerializer.SerializeToNode(security, StoaJson.Default.AccountSecurityResponse)));
                return ExitCode.Ok;
            }

            invocation.Screen.Facts(
                ("Handle", $"[bold]{Format.Escaped(user.Handle)}[/] ({Format.Escaped(user.Role)})"),
                ("Id", Format.Escaped(user.Id)),
                ("Email", Format.Escaped(user.Email) + Say(security)),
                ("Password", !security.HasPassword ? "none: API keys, or an identity provider (stoa account identity list)" : security.PasswordChangedAt is { } changed ? $"changed {Format.Time(changed)}" : "the one of the registration"),
                ("Second factor", security.TotpEnabledAt is { } since ? $"authenticator, since {Format.Time(since)}; {security.RecoveryCodesLeft} recovery codes left" : "none (stoa account totp enable)"),
                ("Registered", Format.Time(user.CreatedAt)));
            return ExitCode.Ok;
        }

        private static string Say(AccountSecurityResponse security) => security switch
        {
            { EmailVerifiedAt: { } at } => $", verified {Format.Time(at)}",
            { SendsEmail: false } => ", not verified: this node sends no e-mail",
            _ => ", not verified (stoa account verify EMAIL)",
        };
    }

    private sealed class PasswordCommand : StoaCommand
    {
        private readonly Option<bool> _stdin = SecretInput.Option("the present password, and on the next line the new one; the new one alone where there is none yet");

        public PasswordCommand(CommandScope scope)
            : base(
                scope,
                "password",
                "Change the password, and end all other sessions. Both passwords are asked for.",
                new("Change it", "stoa account password"),
                new("In a script", "cat both.txt | stoa account password --password-stdin")) =>
            Add(_stdin);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var secrets = new SecretInput(invocation, invocation.Get(_stdin));
            var security = await invocation.Client.GetAccountSecurityAsync(cancellationToken);
            var present = security.HasPassword ? await secrets.AskAsync("Present password:", cancellationToken) : null;
            var next = await secrets.AskNewAsync("New password:", cancellationToken);
            await invocation.Client.ChangePasswordAsync(new ChangePasswordRequest(next, present), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line("The password is changed. All other sessions are ended.");
            return ExitCode.Ok;
        }
    }

    private sealed class VerifyCommand : StoaCommand
    {
        private readonly Argument<string> _email = Email();
        private readonly Option<string?> _code = Code();

        public VerifyCommand(CommandScope scope)
            : base(
                scope,
                "verify",
                "Show that the address of an account is yours, by the code of a letter.",
                new("Have a letter sent", "stoa account verify ada@example.org"),
                new("Give its code", "stoa account verify ada@example.org --code k7qd-m2xp-4wsa"))
        {
            Add(_email);
            Add(_code);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var email = invocation.Get(_email);
            using var anyone = invocation.Open(invocation.Connection.Address, key: null);
            var secrets = new SecretInput(invocation, isFromStdin: false);
            if (await GetCodeAsync(invocation, secrets, invocation.Get(_code), email, anyone.SendVerificationCodeAsync, cancellationToken) is not { } code)
                return ExitCode.Ok;
            await anyone.VerifyEmailAsync(new VerifyEmailRequest(email, code), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{email} is verified.");
            return ExitCode.Ok;
        }
    }

    private sealed class RecoverCommand : StoaCommand
    {
        private readonly Argument<string> _email = Email();
        private readonly Option<string?> _code = Code();
        private readonly Option<bool> _stdin = SecretInput.Option("the new password, on one line");

        public RecoverCommand(CommandScope scope)
            : base(
                scope,
                "recover",
                "Set a forgotten password anew, by the code of a letter or of the node's operator. All sessions are ended; a second factor stays.",
                new("Have a letter sent", "stoa account recover ada@example.org"),
                new("Give its code", "stoa account recover ada@example.org --code k7qd-m2xp-4wsa"))
        {
            Add(_email);
            Add(_code);
            Add(_stdin);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var email = invocation.Get(_email);
            using var anyone = invocation.Open(invocation.Connection.Address, key: null);
            var secrets = new SecretInput(invocation, invocation.Get(_stdin));
            if (await GetCodeAsync(invocation, secrets, invocation.Get(_code), email, anyone.SendPasswordResetCodeAsync, cancellationToken) is not { } code)
                return ExitCode.Ok;
            var next = await secrets.AskNewAsync("New password:", cancellationToken);
            await anyone.ResetPasswordAsync(new ResetPasswordRequest(email, code, next), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line("The password is set. Sign in with: stoa login --handle HANDLE");
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa account reset-password</c>.</summary>
    private sealed class ResetPasswordCommand : StoaCommand
    {
        private readonly Argument<string> _login = new("LOGIN") { Description = "Handle or address of the user." };

        public ResetPasswordCommand(CommandScope scope)
            : base(
                scope,
                "reset-password",
                "For administrators: make a code by which a user sets a forgotten password anew, where the node sends no e-mail. A second factor stays.",
                new CommandExample("Ada has forgotten her password", "stoa account reset-password ada@example.org")) =>
            Add(_login);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var made = await invocation.Client.MakePasswordResetCodeAsync(new MakePasswordResetCodeRequest(invocation.Get(_login)), cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(made, json => json.PasswordResetCodeResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Facts(
                ("User", $"{Format.Escaped(made.Handle)} ({Format.Escaped(made.Email)})"),
                ("Code", $"[bold]{Format.Escaped(made.Code)}[/]"),
                ("Good until", $"{made.ExpiresAt.UtcDateTime:yyyy-MM-dd HH:mm} UTC, once"));
            invocation.Screen.Note($"[grey]It is not shown again. Hand it over to {Format.Escaped(made.Handle)} alone, who gives it with: stoa account recover {Format.Escaped(made.Email)} --code CODE[/]");
            if (made.HasSecondFactor)
                invocation.Screen.Note($"[grey]The second factor stays. If it is lost, too: stoa account totp remove {Format.Escaped(made.Handle)}[/]");
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa account erase</c>.</summary>
    private sealed class EraseCommand : StoaCommand
    {
        private readonly Option<bool> _check = new("--check") { Description = "Only say what is in the way; the exit code is 1 when something is." };
        private readonly Option<bool> _forfeit = new("--forfeit") { Description = "Give up to the platform what is in the wallet." };
        private readonly Option<bool> _undo = new("--undo") { Description = "Undo an erasure that has not begun. Needs --handle, or --organisation for an account that opens by its identity provider." };
        private readonly Option<string?> _handle = new("--handle") { Description = "With --undo: handle or address of the account.", HelpName = "HANDLE" };
        private readonly Option<string?> _code = new("--code") { Description = "Six digits of the authenticator, or a recovery code, where there is a second factor.", HelpName = "CODE" };
        private readonly Option<bool> _stdin = SecretInput.Option("the password, on one line");
        private readonly Option<bool> _noBrowser = BrowserSignOn.NoBrowser();
        private readonly GlobalOptions _globals;

        public EraseCommand(CommandScope scope)
            : base(
                scope,
                "erase",
                "Have all that the node stores about you erased. All sessions and keys end at once; for some days it can be undone.",
                new("What is in the way?", "stoa account erase --check"),
                new("Do it", "stoa account erase"),
                new("With what is left in the wallet", "stoa account erase --forfeit"),
                new("Undo it", "stoa account erase --undo --handle ada"),
                new("Undo it, by the identity provider of an organisation", "stoa account erase --undo --organisation acme"))
        {
            _globals = scope.Globals;
            Add(_check);
            Add(_forfeit);
            Add(_undo);
            Add(_handle);
            Add(_code);
            Add(_stdin);
            Add(_noBrowser);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            if (invocation.Get(_undo))
                return await UndoAsync(invocation, cancellationToken);
            if (invocation.Get(_check))
            {
                var found = await invocation.Client.GetErasureAsync(cancellationToken);
                Tell(invocation, found);
                return found.Obstacles is { Count: > 0 } ? ExitCode.Refused : ExitCode.Ok;
            }

            var secrets = new SecretInput(invocation, invocation.Get(_stdin));
            var security = await invocation.Client.GetAccountSecurityAsync(cancellationToken);
            var password = security.HasPassword ? await secrets.AskAsync("Password:", cancellationToken) : null;
            var code = invocation.Get(_code);
            if (code is null && security.TotpEnabledAt is not null && secrets.CanAsk)
                code = await secrets.AskCodeAsync("Code of the authenticator:", cancellationToken);
            return Tell(invocation, await invocation.Client.RequestErasureAsync(
                new RequestErasureRequest(password, code, invocation.Get(_forfeit) ? true : null), cancellationToken));
        }

        private async Task<int> UndoAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            using var anyone = invocation.Open(invocation.Connection.Address, key: null);
            string door;
            if (invocation.Get(_handle) is { } handle)
            {
                var secrets = new SecretInput(invocation, invocation.Get(_stdin));
                var password = await secrets.AskAsync("Password:", cancellationToken);
                await anyone.CancelErasureAsync(new CancelErasureRequest(handle, password, invocation.Get(_code)), cancellationToken);
                door = $"--handle {handle}";
            }
            else if (invocation.Get(_globals.Organisation) is { } organisation)
            {
                var (code, verifier) = await BrowserSignOn.RunAsync(invocation, anyone, organisation, invocation.Get(_noBrowser), cancellationToken);
                await anyone.CancelErasureAsync(new CancelErasureRequest(Code: invocation.Get(_code), SignOnCode: code, Verifier: verifier), cancellationToken);
                door = $"--organisation {organisation}";
            }
            else
            {
                throw new CommandFailure(
                    "Nobody is signed in to the account any more: say which one.", hint: "stoa account erase --undo --handle HANDLE, or --organisation for its identity provider");
            }

            if (!invocation.IsJson)
                invocation.Screen.Line($"The account stays. Keys stay revoked and schedules paused. Sign in with: stoa login {door}");
            return ExitCode.Ok;
        }

        private static int Tell(Invocation invocation, ErasureResponse erasure)
        {
            if (invocation.IsJson)
            {
                invocation.Screen.Json(erasure, json => json.ErasureResponse);
                return ExitCode.Ok;
            }

            if (erasure.ErasesAt is { } at)
            {
                invocation.Screen.Line($"All that is stored about you is erased at {at.UtcDateTime:yyyy-MM-dd HH:mm} UTC. All sessions and keys are ended.");
                invocation.Screen.Note("[grey]Until then it can be undone: stoa account erase --undo --handle HANDLE (or --organisation, where its identity provider opens the account)[/]");
                return ExitCode.Ok;
            }

            foreach (var obstacle in erasure.Obstacles ?? [])
                invocation.Screen.Line(obstacle.Reason);
            if (erasure.Obstacles is not { Count: > 0 })
                invocation.Screen.Line($"Nothing is in the way. It could be undone for {Format.Count(erasure.GraceDays, "day")}.");
            return ExitCode.Ok;
        }
    }
}
