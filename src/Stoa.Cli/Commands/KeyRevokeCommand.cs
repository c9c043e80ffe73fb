using System.CommandLine;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa key revoke</c>.</summary>
internal sealed class KeyRevokeCommand : StoaCommand
{
    private readonly Argument<string> _id = CommonArguments.Id("ID", "As stoa key list shows it (key_…).", IdKind.Key);

    public KeyRevokeCommand(CommandScope scope)
        : base(scope, "revoke", "Make an API key worthless, at once and for good.", new CommandExample("After a laptop was lost", "stoa key revoke key_01h2xcejqtf2nbrexx3vqjhp41")) =>
        Add(_id);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        await invocation.Client.RevokeApiKeyAsync(invocation.Get(_id), cancellationToken);
        if (!invocation.IsJson)
            invocation.Screen.Line($"{invocation.Get(_id)} is revoked.");
        return ExitCode.Ok;
    }
}
