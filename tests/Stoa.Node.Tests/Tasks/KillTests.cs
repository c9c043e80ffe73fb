using System.Globalization;
using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Tasks;

/// <summary>The test of the promise: nodes are killed again and again while 1,000 tasks are submitted and run, and nothing is lost, doubled or charged twice.</summary>
/// <remarks>STOA_TEST_SEED replays the moments of a run; what the machine does in between is its own.</remarks>
[Trait("speed", "slow")]
public sealed class KillTests(ITestOutputHelper output)
{
    private const int TaskCount = 1_000;
    private const int Kills = 5;
    private const int Submitters = 16;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Node_KilledAtRandomMoments_EndsEveryTaskOnceAndChargesItAtMostOnce()
    {
        var random = SeededRandom();
        var folder = Directory.CreateTempSubdirectory("stoa-kill-").FullName;
        try
        {
            var node = await NodeProcess.StartAsync(folder, Stop);
            var history = new KillHistory(output, TaskCount, NodeProcess.AdminKey(folder));
            await history.PublishAsync(node);
            for (var life = 0; life <= Kills; life++)
            {
                using var dying = CancellationTokenSource.CreateLinkedTokenSource(Stop);
                var hit = NextTarget(history, random);
                var submitting = Task.WhenAll(Enumerable.Range(0, Submitters).Select(_ => history.SubmitAsync(node, hit, dying.Token)));
                if (life < Kills)
                {
                    await Task.WhenAny(hit.Reached, submitting);
                    await Task.Delay(random.Next(0, 300), Stop);
                    await node.KillAsync();
                    await dying.CancelAsync();
                }

                await submitting;
                output.WriteLine($"life {life}: {history.Submitted.Count} tasks submitted");
                if (life < Kills)
                {
                    await node.DisposeAsync();
                    node = await NodeProcess.StartAsync(folder, Stop);
                }
            }

            await using (node)
                await history.FinishAsync(node);
            await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, Stop);
            await history.CheckAsync(database);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private Random SeededRandom()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("STOA_TEST_SEED"), CultureInfo.InvariantCulture, out var given)
            ? given
            : Random.Shared.Next();
        output.WriteLine($"STOA_TEST_SEED={seed}");
        return new Random(seed);
    }

    // In the middle of the work, wherever the machine's speed puts that: after some more submissions and a moment.
    private static KillHistory.Target NextTarget(KillHistory history, Random random) =>
        new(Math.Min(TaskCount, history.Submitted.Count + random.Next(1, 2 * TaskCount / Kills)));
}
