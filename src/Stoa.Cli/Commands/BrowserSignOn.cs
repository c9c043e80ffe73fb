using System.Buffers.Text;
using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Stoa.Cli.Connection;
using Stoa.Cli.Terminal;
using Stoa.Client;

namespace Stoa.Cli.Commands;

/// <summary>A sign-in by the identity provider of an organisation, in a browser: what comes of it is a code and its verifier.</summary>
internal static class BrowserSignOn
{
    private const int SecretBytes = 32;

    // A node may give people an hour at the provider.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(65);

    public static Option<bool> NoBrowser() => new("--no-browser")
    {
        Description = "Open no browser and listen for none: open the address wherever you like, and give the code that the page shows; on standard input where that is no terminal.",
    };

    /// <summary>Has the person sign in.</summary>
    /// <param name="invocation">The command.</param>
    /// <param name="anyone">Asks the node where.</param>
    /// <param name="organisation">Its handle.</param>
    /// <param name="isByHand">Whether the code is carried by hand.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="CommandFailure">The sign-in failed, or nobody came back.</exception>
    public static async Task<(string Code, string Verifier)> RunAsync(
        Invocation invocation, StoaClient anyone, string organisation, bool isByHand, CancellationToken cancellationToken)
    {
        var (verifier, state) = (NewSecret(), NewSecret());
        var start = (await anyone.GetSingleSignOnAsync(organisation, cancellationToken)).LoginUrl
            + $"?code_challenge={Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)))}&state={state}";
        if (isByHand)
        {
            invocation.Screen.Note($"Open this address in a browser, sign in, and give the code that the page shows:\n{Format.Escaped(start)}");
            var secrets = new SecretInput(invocation, !invocation.Surroundings.IsInputTerminal);
            return (secrets.CanAsk ? await secrets.AskCodeAsync("Code:", cancellationToken) : await secrets.AskAsync("Code:", cancellationToken), verifier);
        }

        await using var listening = await LoopbackAnswer.ListenAsync(state, cancellationToken);
        var address = string.Create(CultureInfo.InvariantCulture, $"{start}&port={listening.Port}");
        invocation.Screen.Note($"Sign in in the browser. If none opens, open this address on this machine (elsewhere: --no-browser):\n{Format.Escaped(address)}");
        BrowserLink.Open(invocation, address, isWanted: true);
        using var patience = new CancellationTokenSource(s_patience, invocation.Surroundings.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            var answer = await listening.WaitAsync(either.Token);
            return answer.Code is { } code
                ? (code, verifier)
                : throw new CommandFailure($"The sign-in failed ({answer.Error}). {answer.Description}", ExitCode.NotAuthorized);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            throw new CommandFailure("Nobody has come back from the browser.", ExitCode.NotAuthorized, "Begin again.");
        }
    }

    private static string NewSecret() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));
}
