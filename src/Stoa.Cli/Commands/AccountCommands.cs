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
                "Set a forgotten password anew, by the code of a letter. All sessions are ended; a second factor stays.",
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
}
