using System.Text.Json;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa status</c>: which node, which account.</summary>
internal sealed class StatusCommand(CommandScope scope) : StoaCommand(
    scope,
    "status",
    "Show which node the commands speak to, and as whom.",
    new CommandExample("Is the node there, and does my key fit?", "stoa status"),
    new CommandExample("What is left?", "stoa status --json | jq -r .wallet.available"))
{
    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var connection = invocation.Connection;
        var node = await invocation.Client.GetNodeAsync(cancellationToken);
        var user = connection.Key is null ? null : await invocation.Client.GetMeAsync(cancellationToken);
        var wallet = user is null ? null : await FindWalletAsync(invocation.Client, cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.JsonWith(
                node,
                json => json.NodeResponse,
                ("address", connection.Address.ToString().TrimEnd('/')),
                ("account", user is null ? null : JsonSerializer.SerializeToNode(user, StoaJson.Default.UserResponse)),
                ("keySource", connection.KeySource),
                ("wallet", wallet is null ? null : JsonSerializer.SerializeToNode(wallet, StoaJson.Default.WalletResponse)));
            return ExitCode.Ok;
        }

        invocation.Screen.Facts(
            ("Node", $"[bold]{Format.Escaped(connection.Address.ToString().TrimEnd('/'))}[/]  version {Format.Escaped(node.Version)}, {Format.Escaped(node.Storage)}, {Workers(node)}"),
            ("Peer id", Format.Escaped(node.PeerId)),
            ("Public key", Format.Escaped(node.PublicKey)),
            ("Region", node.Region),
            ("Payments", node.Payments switch
            {
                "live" => "by Stripe",
                "test" => "by Stripe, in test mode: no real money",
                "off" => "off: this node has no key of Stripe",
                _ => null,
            }),
            ("Split", $"creator {node.CreatorPercent} %, node {node.NodePercent} %, platform {node.PlatformPercent} %"),
            ("Storage", node.Prices is { } kept ? $"{Format.Money(kept.StorageGibMonth)} a GiB and month, {Format.Size(kept.FreeStorageBytes)} free" : null),
            ("Transfer", node.Prices is { } sent ? $"{Format.Money(sent.TransferGib)} a GiB, {Format.Size(sent.FreeTransferBytes)} a month free" : null),
            ("Account", user is null ? "none: no key was found (stoa login)" : $"[bold]{Format.Escaped(user.Handle)}[/] ({(user.Actor is null ? Format.Escaped(user.Role) : "organisation")})"),
            ("Person", user?.Actor is { } person ? Format.Escaped(person) : null),
            ("Key from", connection.KeySource is null ? null : Format.Escaped(connection.KeySource)),
            ("Wallet", wallet is null ? null : $"[green]{Format.Money(wallet.Available)}[/] free, {Format.Money(wallet.Held)} held"));
        return ExitCode.Ok;
    }

    /// <summary>The wallet; null when the key may not see it.</summary>
    private static async Task<WalletResponse?> FindWalletAsync(StoaClient client, CancellationToken cancellationToken)
    {
        try
        {
            return await client.GetWalletAsync(cancellationToken);
        }
        catch (StoaException refusal) when (refusal.Problem.Code == "forbidden")
        {
            return null;
        }
    }

    private static string Workers(NodeResponse node) => Format.Count(node.Workers, "worker");
}
