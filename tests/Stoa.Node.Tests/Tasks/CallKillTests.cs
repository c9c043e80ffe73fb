using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Calls;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Ledger;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>A node that is killed while an agent waits for one that it has called does the task again after its restart, and everybody is paid once for all of it.</summary>
[Trait("speed", "slow")]
public sealed class CallKillTests
{
    private const int Kills = 2;
    private const int Calls = 3;
    // A call takes a second or more, so that there is time to be told of the first and to kill the node within the next.
    private const int Loops = 1_200_000_000;
    private const string Password = "a long enough password";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Node_KilledWithinACall_DoesTheTaskAgainAndPaysOnce()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-call-kill-").FullName;
        try
        {
            var node = await NodeProcess.StartAsync(folder, Stop);
            var key = NodeProcess.AdminKey(folder);
            var task = await SubmitAsync(node, key);
            for (var kill = 0; kill < Kills; kill++)
            {
                await UntilWithinACallAsync(node, key, task);
                await node.KillAsync();
                await node.DisposeAsync();
                node = await NodeProcess.StartAsync(folder, Stop);
            }

            await using (node)
                await IsDoneAsync(node, key, task);
            await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, Stop);
            await CheckAsync(database, task, Kills);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Publishes agents of three people, and submits to the one that calls the other three times; a third has a part of what that one earns.</summary>
    internal static async Task<string> SubmitAsync(NodeProcess node, string key)
    {
        using var admin = Connect(node, key);
        foreach (var handle in (string[])["ben", "cy", "eve"])
            await admin.RegisterAsync(new RegisterRequest(handle, $"{handle}@example.org", Password), Stop);
        var limits = new AgentLimitsBody(1_000_000_000_000, 1 << 20, 600_000, 100_000, 1_000);
        await PublishAsync(node, "cy", "deep", GuestPrograms.EchoAfter(Loops), limits, "0.00002", [new RoyaltyBody(0.25m, To: "eve")], null);
        await PublishAsync(
            node, "ben", "top", CallPrograms.Caller("cy/deep@1.0.0", Calls), limits with { MemoryBytes = 16 << 20 }, "0.00001", null, [new AgentUseBody("cy/deep@1.0.0", Calls, "0.00006", 100_000)]);
        return (await admin.SubmitTextAsync("ben/top", "hello", cancellationToken: Stop)).Id;
    }

    /// <summary>Waits until the answer to the first call was written: the second one is open then, or the third.</summary>
    internal static async Task UntilWithinACallAsync(NodeProcess node, string key, string task)
    {
        using var client = Connect(node, key);
        await foreach (var told in client.WatchTaskAsync(task, cancellationToken: Stop))
        {
            told.Type.ShouldNotBe("stoa.task.succeeded", "it was done before the node could be killed");
            if (StoaClient.TryReadProgress(told, out var progress) && progress.OutputBytesWritten > 0)
                return;
        }
    }

    internal static async Task IsDoneAsync(NodeProcess node, string key, string id)
    {
        using var client = Connect(node, key);
        var task = await client.WaitForTaskAsync(id, cancellationToken: Stop);

        (task.State, task.Result?.Price).ShouldBe(("succeeded", "0.000070000"), task.Failure?.Detail);
        var receipt = ReceiptVerifier.Verify(await client.GetReceiptAsync(id, Stop), null).Value;
        receipt.Calls.Select(call => $"{call.Number} {call.Agent} {call.Price} {call.Failure}").ShouldBe(
            ["1 cy/deep@1.0.0 0.000020000 ", "2 cy/deep@1.0.0 0.000020000 ", "3 cy/deep@1.0.0 0.000020000 "]);
        receipt.Royalties.Select(part => $"{part.To} {part.Agent} {part.Amount}").ShouldBe(
            ["ben ben/top@1.0.0 0.000007000", "cy cy/deep@1.0.0 0.000031500", "eve cy/deep@1.0.0 0.000010500"], ignoreOrder: true);
    }

    /// <summary>What the receipt says was moved, and nothing else, however often the task was begun.</summary>
    internal static async Task CheckAsync(Database database, string task, int kills)
    {
        var ledger = new SqlLedgerStore(database);
        var wallets = (await database.ReadAsync(
            session => session.QueryAsync<(Id<Account> Wallet, string Handle)>("SELECT a.id, u.handle FROM users AS u JOIN accounts AS a ON a.owner = u.id AND a.kind = 'Wallet'"), Stop))
            .ToDictionary(row => row.Wallet, row => row.Handle);
        var moved = (await ledger.ReadTransfersAsync(Stop)).Where(transfer => transfer.Cause == task)
            .Select(transfer => $"{transfer.Purpose} {transfer.Amount} {wallets.GetValueOrDefault(transfer.CreditAccountId)}".TrimEnd());
        moved.ShouldBe(
            [
                "TaskHold 0.000070000", "TaskCapture 0.000070000", "CreatorShare 0.000007000 ben", "Royalty 0.000031500 cy", "Royalty 0.000010500 eve", "NodeShare 0.000017500",
                "PlatformShare 0.000003500",
            ],
            ignoreOrder: true);
        (await database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT losses FROM tasks_now WHERE id = @task", new { task }), Stop)).ShouldBe(kills);
        (await database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM receipts"), Stop)).ShouldBe(1);
        var totals = await ledger.TotalAsync(Stop);
        (totals.Posted, totals.Clearing, totals.PendingDebits, totals.PendingCredits, totals.OpenHolds).ShouldBe((Money.Zero, Money.Zero, Money.Zero, Money.Zero, 0));
    }

    private static async Task PublishAsync(
        NodeProcess node, string publisher, string name, byte[] program, AgentLimitsBody limits, string price, IReadOnlyList<RoyaltyBody>? royalties, AgentUseBody[]? uses)
    {
        using var anonymous = new StoaClient(new StoaClientOptions { Address = node.Address });
        using var client = Connect(node, (await anonymous.LoginAsync(new LoginRequest(publisher, Password), Stop)).Token);
        var manifest = new AgentManifestBody(
            name, "1.0.0", "A program of the tests.", ["test.calls"], name + ".wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
            limits, new AgentPriceBody(price, "0", "0"), Royalties: royalties, Uses: uses);
        await client.PublishAgentAsync(
            JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(program), cancellationToken: Stop);
    }

    private static StoaClient Connect(NodeProcess node, string key) => new(new StoaClientOptions { Address = node.Address, ApiKey = key });
}

/// <summary>Of two nodes on one PostgreSQL the one that runs the task is killed within a call.</summary>
[Trait("speed", "slow")]
[Trait("needs", "postgres")]
public sealed class CellCallKillTests(PostgresCluster cluster)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Node_KilledWithinACall_LeavesTheTaskToTheOther_WhichPaysOnce()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-call-cell-").FullName;
        await using var source = new PostgresSource(cluster);
        var options = await source.GetOptionsAsync();
        try
        {
            await using var first = await StartAsync("first");
            var key = NodeProcess.AdminKey(Path.Combine(folder, "first"));
            var task = await CallKillTests.SubmitAsync(first, key);
            await CallKillTests.UntilWithinACallAsync(first, key, task);
            await first.KillAsync();

            await using (var second = await StartAsync("second"))
                await CallKillTests.IsDoneAsync(second, key, task);
            await using var database = await Database.OpenAsync(options, TimeProvider.System, Stop);
            await CallKillTests.CheckAsync(database, task, kills: 1);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Task<NodeProcess> StartAsync(string name) => NodeProcess.StartAsync(
            Path.Combine(folder, name), Stop, "--Storage:Provider", "Postgres", "--Storage:ConnectionString", options.ConnectionString!);
    }
}
