using System.Globalization;
using Microsoft.Data.Sqlite;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Privacy;

/// <summary>A node that is killed while it erases goes on where it was, and leaves nothing.</summary>
/// <remarks>STOA_TEST_SEED replays the moments of a run; what the machine does in between is its own.</remarks>
[Trait("speed", "slow")]
public sealed class ErasureKillTests(ITestOutputHelper output)
{
    private const int Kills = 6;
    private static readonly TimeSpan s_ceiling = TimeSpan.FromMinutes(5);
    private const int Tasks = 400;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Erasure_OfANodeThatIsKilledAtAnyMoment_ComesToItsEnd()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("STOA_TEST_SEED"), CultureInfo.InvariantCulture, out var given) ? given : Random.Shared.Next();
        output.WriteLine($"STOA_TEST_SEED={seed}");
        var random = new Random(seed);
        var folder = Directory.CreateTempSubdirectory("stoa-erasure-kill-").FullName;
        const string mark = "zqkilledperson";
        string[] options = ["--Privacy:ErasureGraceDays", "0", "--Identity:PasswordIterations", "100"];
        try
        {
            await using (var node = await NodeProcess.StartAsync(folder, Stop, options))
            {
                await AskAsync(node, folder, mark);
                await node.KillAsync();
            }

            var steps = new List<int> { await ReadStepAsync(folder) };
            for (var kill = 0; steps[^1] != int.MaxValue; kill++)
            {
                await using var node = await NodeProcess.StartAsync(folder, Stop, options);
                // It is killed within a step, some time after it has come to one that was not seen before; after so many kills it may go on to its end.
                var until = kill < Kills ? steps[^1] + random.Next(1, 4) : int.MaxValue;
                var waited = System.Diagnostics.Stopwatch.StartNew();
                while (await ReadStepAsync(folder) < until)
                {
                    waited.Elapsed.ShouldBeLessThan(s_ceiling, $"step {steps[^1]} does not end");
                    await Task.Delay(random.Next(1, 5), Stop);
                }

                await node.KillAsync();
                steps.Add(await ReadStepAsync(folder));
            }

            output.WriteLine($"Steps that were found after kills: {string.Join(", ", steps)}.");
            steps.ShouldBeInOrder(SortDirection.Ascending);
            steps.Count(step => step is > 0 and < int.MaxValue).ShouldBeGreaterThan(0, "it was never killed on its way");
            await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, Stop);
            (await MarkedPerson.FindAsync(database, mark)).ShouldBeEmpty();
            (await new SqlLedgerStore(database).TotalAsync(Stop)).Posted.ShouldBe(Money.Zero);
            (await new SqlLedgerStore(database).FindAccountAsync("platform", AccountKind.Platform, Stop))!.Posted.ShouldBeGreaterThanOrEqualTo(Money.Parse("1"), "it is given up once");
            (await new SqlLedgerStore(database).FindAccountAsync("platform", AccountKind.Platform, Stop))!.Posted.ShouldBeLessThan(Money.Parse("2.1"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task AskAsync(NodeProcess node, string folder, string mark)
    {
        using var admin = new StoaClient(new StoaClientOptions { Address = node.Address, ApiKey = NodeProcess.AdminKey(folder) });
        var agent = await MarkedPerson.PublishAsync(admin, "noted", "Gives back what it gets.");
        await admin.RegisterAsync(new RegisterRequest(mark + "-x", mark + "@example.org", MarkedPerson.Password), Stop);
        await admin.DepositAsync(new DepositRequest(mark + "-x", "2"), Stop);
        var session = await admin.LoginAsync(new LoginRequest(mark + "-x", MarkedPerson.Password), Stop);
        using var client = new StoaClient(new StoaClientOptions { Address = node.Address, ApiKey = session.Token });
        var task = new SubmitTaskRequest(agent, new TaskInputBody(Text: mark + "-input"), new Dictionary<string, string> { ["note"] = mark + "-note" });
        await client.SubmitBatchAsync(new SubmitBatchRequest([.. Enumerable.Repeat(task, Tasks)]), cancellationToken: Stop);
        for (var upload = 0; upload < 20; upload++)
            await client.UploadAsync(new MemoryStream(System.Text.Encoding.UTF8.GetBytes($"{mark} {upload}")), cancellationToken: Stop);
        await Eventually.IsSoAsync(async () => (await client.GetQuotaAsync(Stop)).OpenTasks == 0);
        await client.RequestErasureAsync(new RequestErasureRequest(MarkedPerson.Password, Forfeit: true), Stop);
    }

    /// <summary>How far the erasure is, as anybody sees it beside the node that does it.</summary>
    private static async Task<int> ReadStepAsync(string folder)
    {
        await using var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = Path.Combine(folder, StorageOptions.SqliteFileName),
            Mode = SqliteOpenMode.ReadOnly,
            Pooling = false,
        }.ToString());
        await connection.OpenAsync(Stop);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT step, erased_at FROM erasures";
        await using var reader = await command.ExecuteReaderAsync(Stop);
        (await reader.ReadAsync(Stop)).ShouldBeTrue();
        return reader.IsDBNull(1) ? reader.GetInt32(0) : int.MaxValue;
    }
}
