using Stoa.Market.Identity;
using Stoa.Node.Auctions;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Auctions;

public sealed class PublisherTurnsTests
{
    private static readonly IdSource s_ids = new(TimeProvider.System, new SecureRandom());

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Take_ByOnePublisherTwice_WaitsForTheFirst_AndForNobodyElse()
    {
        var turns = new PublisherTurns();
        var (greedy, other) = (s_ids.Next<User>(), s_ids.Next<User>());

        var first = await turns.TakeAsync(greedy, Stop);
        var second = turns.TakeAsync(greedy, Stop);
        using (await turns.TakeAsync(other, Stop))
            second.IsCompleted.ShouldBeFalse();
        first.Dispose();
        first.Dispose();

        using var turn = await second;
        turns.TakeAsync(greedy, Stop).IsCompleted.ShouldBeFalse();
    }

    [Fact]
    public async Task Take_ThatIsCancelled_HoldsNobodyUp()
    {
        var turns = new PublisherTurns();
        var publisher = s_ids.Next<User>();
        using var late = new CancellationTokenSource();

        var first = await turns.TakeAsync(publisher, Stop);
        var waiting = turns.TakeAsync(publisher, late.Token);
        await late.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => waiting);
        first.Dispose();

        using var next = await turns.TakeAsync(publisher, Stop);
    }
}
