using System.Globalization;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Auctions;
using Stoa.Market.Ledger;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Ledger;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Auctions;

/// <summary>A node that is killed within the windows of auctions neither loses their tasks nor holds money for ever.</summary>
/// <remarks>STOA_TEST_SEED replays the moments of a run; what the machine does in between is its own.</remarks>
[Trait("speed", "slow")]
public sealed class AuctionKillTests(ITestOutputHelper output)
{
    private const int Rounds = 3;
    private const int AuctionsInARound = 20;
    private const string Work = "text.echo";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(50);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Node_KilledWithinTheWindows_AwardsEveryTaskOnceAfterTheRestart()
    {
        var random = SeededRandom();
        var folder = Directory.CreateTempSubdirectory("stoa-auction-kill-").FullName;
        try
        {
            var node = await StartAsync();
            var key = NodeProcess.AdminKey(folder);
            await PublishAsync(node, key);
            var tasks = new List<string>();
            for (var round = 0; round < Rounds; round++)
            {
                tasks.AddRange(await SubmitAsync(node, key));
                // Some windows have closed by then, some have not.
                await Task.Delay(random.Next(0, 400), Stop);
                await node.KillAsync();
                await node.DisposeAsync();
                node = await StartAsync();
            }

            await using (node)
                await AllAreDoneAsync(node, key, tasks).WaitAsync(s_patience, Stop);
            await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, Stop);
            await CheckAsync(database, tasks.Count);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        // It looks at what it finds at its start, and not again as long as the test has patience.
        Task<NodeProcess> StartAsync() => NodeProcess.StartAsync(folder, Stop, "--Auctions:PollMs", "60000");
    }

    private Random SeededRandom()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("STOA_TEST_SEED"), CultureInfo.InvariantCulture, out var given) ? given : Random.Shared.Next();
        output.WriteLine($"STOA_TEST_SEED={seed}");
        return new Random(seed);
    }

    internal static async Task PublishAsync(NodeProcess node, string key)
    {
        using var client = Client(node, key);
        foreach (var (name, factor) in new[] { ("cheap", "0.5"), ("dear", "0.8") })
        {
            var listing = await TestNode.PublishAsync(client, name, GuestPrograms.Echo, capability: Work);
            await client.SetBiddingAsync(AgentReference.Parse(listing), new BiddingPolicyBody("fixed", Factor: factor), Stop);
        }
    }

    internal static async Task<IReadOnlyList<string>> SubmitAsync(NodeProcess node, string key)
    {
        using var client = Client(node, key);
        var requests = Enumerable.Range(0, AuctionsInARound).Select(number => new SubmitTaskRequest(
            Input: new TaskInputBody(Text: $"input {number}"), Requirement: new RequirementBody([Work], Explore: false), Auction: new AuctionTermsBody(20 * (number + 1))));
        return [.. (await Task.WhenAll(requests.Select(request => client.SubmitAsync(request, cancellationToken: Stop)))).Select(task => task.Id)];
    }

    internal static async Task AllAreDoneAsync(NodeProcess node, string key, IReadOnlyList<string> tasks)
    {
        using var client = Client(node, key);
        foreach (var id in tasks)
        {
            var task = await client.WaitForTaskAsync(id, cancellationToken: Stop);
            (task.State, task.Auction!.State).ShouldBe(("succeeded", "awarded"), task.Failure?.Detail);
            AwardVerifier.Verify((await client.GetTaskAuctionAsync(id, Stop)).Award!, null).Value.Decision.Winner!.Agent.ShouldEndWith("/cheap");
        }
    }

    internal static async Task CheckAsync(Database database, int count)
    {
        (await CountAsync("SELECT COUNT(*) FROM auctions WHERE state = 'Awarded'")).ShouldBe(count);
        (await CountAsync("SELECT COUNT(*) FROM (SELECT subject FROM events WHERE type = 'stoa.auction.awarded' GROUP BY subject HAVING COUNT(*) = 1) AS once")).ShouldBe(count);
        var captures = (await new SqlLedgerStore(database).ReadTransfersAsync(Stop)).Where(transfer => transfer.Purpose is TransferPurpose.TaskCapture).Select(transfer => transfer.Cause).ToList();
        (captures.Count, captures.Distinct().Count()).ShouldBe((count, count));
        (await CountAsync("SELECT COUNT(*) FROM receipts")).ShouldBe(count);
        var totals = await new SqlLedgerStore(database).TotalAsync(Stop);
        (totals.Posted, totals.Clearing, totals.PendingDebits, totals.PendingCredits, totals.OpenHolds).ShouldBe((Money.Zero, Money.Zero, Money.Zero, Money.Zero, 0));

        Task<long> CountAsync(string sql) => database.ReadAsync(session => session.QuerySingleAsync<long>(sql), Stop);
    }

    private static StoaClient Client(NodeProcess node, string key) => new(new StoaClientOptions { Address = node.Address, ApiKey = key });
}

/// <summary>Of two nodes on one PostgreSQL the one that holds auctions is killed within their windows.</summary>
[Trait("speed", "slow")]
[Trait("needs", "postgres")]
public sealed class CellAuctionKillTests(PostgresCluster cluster)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task NodeThatHoldsAuctions_KilledWithinTheirWindows_LeavesThemToTheOther()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-auction-cell-").FullName;
        await using var source = new PostgresSource(cluster);
        var options = await source.GetOptionsAsync();
        try
        {
            await using var first = await StartAsync("first");
            await using var second = await StartAsync("second");
            var key = NodeProcess.AdminKey(Path.Combine(folder, "first"));
            await AuctionKillTests.PublishAsync(first, key);

            var tasks = (await AuctionKillTests.SubmitAsync(first, key)).Concat(await AuctionKillTests.SubmitAsync(second, key)).ToList();
            await first.KillAsync();

            await AuctionKillTests.AllAreDoneAsync(second, key, tasks);
            await second.DisposeAsync();
            await using var database = await Database.OpenAsync(options, TimeProvider.System, Stop);
            await AuctionKillTests.CheckAsync(database, tasks.Count);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Task<NodeProcess> StartAsync(string name) => NodeProcess.StartAsync(
            Path.Combine(folder, name), Stop, "--Storage:Provider", "Postgres", "--Storage:ConnectionString", options.ConnectionString!);
    }
}
