using System.CommandLine;
using Stoa.Cli.Connection;
using Stoa.Client;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa logout</c>: ends the remembered session and forgets it.</summary>
internal sealed class LogoutCommand : StoaCommand
{
    private readonly Option<bool> _everywhere = new("--everywhere") { Description = "End all sessions of the account, on all machines." };

    public LogoutCommand(CommandScope scope)
        : base(
            scope,
            "logout",
            "Sign out: end the session that stoa login has opened, and forget it. API keys stay in force.",
            new("Here", "stoa logout"),
            new("After a laptop was lost", "stoa logout --everywhere")) =>
        Add(_everywhere);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var surroundings = invocation.Surroundings;
        var config = ConfigFile.Read(surroundings.ConfigDirectory);
        if (config is { Address: { } address, Session: { } session })
            await EndAsync(invocation, NodeConnection.ParseAddress(address), session, cancellationToken);
        else if (invocation.Get(_everywhere))
            await invocation.Client.EndAllSessionsAsync(cancellationToken);

        await using (await ConfigFile.HoldAsync(surroundings, cancellationToken))
            File.Delete(ConfigFile.PathIn(surroundings.ConfigDirectory));
        if (!invocation.IsJson)
        {
            invocation.Screen.Line(invocation.Get(_everywhere) ? "Signed out everywhere." : "Signed out.");
            if (config.Key is not null)
                invocation.Screen.Note("[grey]The key that was remembered stays valid until: stoa key revoke ID[/]");
        }

        return ExitCode.Ok;
    }

    private async Task EndAsync(Invocation invocation, Uri address, RememberedSession session, CancellationToken cancellationToken)
    {
        using var kept = new KeptSession(invocation.Surroundings, address, session);
        using var client = invocation.Open(address, key: null, kept.GetTokenAsync);
        try
        {
            await (invocation.Get(_everywhere) ? client.EndAllSessionsAsync(cancellationToken) : client.EndSessionAsync("current", cancellationToken));
        }
        catch (CommandFailure over) when (over.ExitCode == ExitCode.NotAuthorized && !invocation.Get(_everywhere))
        {
            // It is over already, which is what was asked for.
        }
        catch (StoaException gone) when (gone.Code == "unauthenticated" && !invocation.Get(_everywhere))
        {
            // Ended from elsewhere.
        }
    }
}
