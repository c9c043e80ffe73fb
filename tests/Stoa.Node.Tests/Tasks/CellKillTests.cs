using System.Diagnostics;
using System.Globalization;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Storage;

namespace Stoa.Node.Tests.Tasks;

/// <summary>The promise for a cell: three nodes on one PostgreSQL, one after another killed or paused in the middle of its work.</summary>
/// <remarks>STOA_TEST_SEED replays the moments of a run.</remarks>
[Trait("speed", "slow")]
[Trait("needs", "postgres")]
public sealed class CellKillTests(PostgresCluster cluster, ITestOutputHelper output)
{
    private const int TaskCount = 600;
    private const int Kills = 6;
    private const int NodeCount = 3;
    private const int SubmittersOfNode = 5;
    private const string Abandoned = "SELECT COUNT(*) FROM leases WHERE holder NOT IN (SELECT holder FROM nodes)";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OneOfThreeNodes_KilledOrPausedAtRandomMoments_EveryTaskEndsOnceAndIsChargedAtMostOnce(bool isPaused)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("STOA_TEST_SEED"), CultureInfo.InvariantCulture, out var given)
            ? given
            : Random.Shared.Next();
        output.WriteLine($"STOA_TEST_SEED={seed}");
        var random = new Random(seed);
        var folder = Directory.CreateTempSubdirectory("stoa-cell-").FullName;
        await using var source = new PostgresSource(cluster);
        var options = await source.GetOptionsAsync();
        var nodes = new List<NodeProcess>();
        await using var database = await Database.OpenAsync(options, TimeProvider.System, Stop);
        try
        {
            for (var index = 0; index < NodeCount; index++)
                nodes.Add(await StartAsync(index));
            var history = new KillHistory(output, TaskCount, NodeProcess.AdminKey(Folder(0)));
            await history.PublishAsync(nodes[0]);
            for (var kill = 0; kill < Kills; kill++)
            {
                var victim = random.Next(NodeCount);
                var hit = new KillHistory.Target(Math.Min(TaskCount, history.Submitted.Count + random.Next(1, 2 * TaskCount / Kills)));
                using var dying = CancellationTokenSource.CreateLinkedTokenSource(Stop);
                var submitting = Task.WhenAll(nodes.SelectMany(node => Enumerable.Range(0, SubmittersOfNode).Select(_ => history.SubmitAsync(node, hit, dying.Token))));
                await Task.WhenAny(hit.Reached, submitting);
                await Task.Delay(random.Next(0, 200), Stop);
                if (isPaused)
                {
                    nodes[victim].Signal("STOP");
                    await Task.Delay(random.Next(3_000, 8_000), Stop);
                    nodes[victim].Signal("CONT");
                }
                else
                {
                    await nodes[victim].KillAsync();
                    // The others go on, and take over what it had.
                    var killed = Stopwatch.GetTimestamp();
                    while (await CountAsync("SELECT COUNT(*) FROM nodes") == NodeCount || await CountAsync(Abandoned) > 0)
                        await Task.Delay(20, Stop);
                    output.WriteLine($"taken over after {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.0} s");
                }

                await dying.CancelAsync();
                await submitting;
                output.WriteLine($"{kill}: node {victim}, {history.Submitted.Count} tasks submitted");
                if (!isPaused)
                {
                    await nodes[victim].DisposeAsync();
                    nodes[victim] = await StartAsync(victim);
                }
            }

            await history.SubmitAsync(nodes[0], new KillHistory.Target(TaskCount), Stop);
            // Whichever node ran them: each tells of all.
            await history.FinishAsync(nodes[1]);
            foreach (var node in nodes)
                await node.DisposeAsync();
            await history.CheckAsync(database);
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }

        Task<long> CountAsync(string sql) => database.ReadAsync(session => session.QuerySingleAsync<long>(sql), Stop);

        string Folder(int index) => Path.Combine(folder, index.ToString(CultureInfo.InvariantCulture));

        Task<NodeProcess> StartAsync(int index) => NodeProcess.StartAsync(
            Folder(index), Stop, "--Storage:Provider", "Postgres", "--Storage:ConnectionString", options.ConnectionString!);
    }
}
