using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Disputes;

/// <summary>A consumer who does not believe a receipt, and a node that runs it again.</summary>
[Trait("speed", "slow")]
public sealed class DisputesTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private StoaClient _ada = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Disputes:PollMs", "50");
        _ada = await _node.JoinAsync("ada");
        await _node.Client.DepositAsync(new DepositRequest("ada", "1"), Stop);
    }

    public async ValueTask DisposeAsync()
    {
        _ada.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Dispute_OfATrueReceipt_IsRejectedAndCostsTheDeposit()
    {
        var task = await RunAsync();
        var before = Money.Parse((await _ada.GetWalletAsync(Stop)).Posted);

        (await _ada.DisputeTaskAsync(task.Id, "It is not what I expected.", Stop)).State.ShouldBeOneOf("open", "rejected");
        var decided = await DecidedAsync(task.Id);

        (decided.State, decided.Price).ShouldBe(("rejected", task.Result!.Price));
        decided.Detail!.ShouldContain("the same output");
        var wallet = await _ada.GetWalletAsync(Stop);
        (Money.Parse(wallet.Posted), wallet.Held).ShouldBe((before - Money.Parse(task.Result!.Price), "0.000000000"));
        (await _ada.DisputeTaskAsync(task.Id, "Still not.", Stop)).ShouldBe(decided with { IsRepeat = true }, "a task is disputed once");
        (await _ada.ListDisputesAsync(Stop).ToListAsync(Stop)).ShouldBe([decided]);
    }

    [Fact]
    public async Task Dispute_OfAFalseReceipt_GivesThePriceBack()
    {
        var task = await RunAsync();
        await LieAsync(task);
        var before = Money.Parse((await _ada.GetWalletAsync(Stop)).Posted);
        // What nodes have earned pays for it.
        for (var other = 0; other < 4; other++)
            await RunAsync();
        before -= new Money(4 * Money.Parse(task.Result!.Price).Nanodollars);

        await _ada.DisputeTaskAsync(task.Id, "Another output comes.", Stop);
        var decided = await DecidedAsync(task.Id);

        decided.State.ShouldBe("upheld");
        decided.Detail!.ShouldContain("the receipt swears to");
        var wallet = await _ada.GetWalletAsync(Stop);
        (Money.Parse(wallet.Posted), wallet.Held).ShouldBe((before + Money.Parse(task.Result!.Price), "0.000000000"));
        (await _ada.ListTransfersAsync(Stop).FirstAsync(Stop)).Purpose.ShouldBe("refund");
    }

    [Fact]
    public async Task Dispute_WhoseJudgeThrows_IsPutOff_AndHoldsUpNoOther()
    {
        var (ill, well) = (await RunAsync(), await RunAsync());
        var database = _node.Host.Services.GetRequiredService<Database>();
        await database.WriteAsync(session => session.ExecuteAsync("UPDATE receipts SET envelope = @nothing WHERE task_id = @Id", new { nothing = "no envelope"u8.ToArray(), ill.Id }), Stop);

        await _ada.DisputeTaskAsync(ill.Id, "It is not what I expected.", Stop);
        await _ada.DisputeTaskAsync(well.Id, "Nor is this.", Stop);

        (await DecidedAsync(well.Id)).State.ShouldBe("rejected");
        await Eventually.IsSoAsync(async () =>
            await database.ReadAsync(session => session.QuerySingleAsync<DateTimeOffset>("SELECT due_at FROM disputes WHERE task_id = @Id", new { ill.Id }), Stop) >= DateTimeOffset.UtcNow);
        (await _ada.GetTaskDisputeAsync(ill.Id, Stop)).State.ShouldBe("open");
        (await database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT attempts FROM disputes WHERE task_id = @Id", new { ill.Id }), Stop)).ShouldBe(0, "a fault of the node's is no run");
    }

    [Fact]
    public async Task Dispute_OfSomebodyElsesTask_IsRefusedLikeOneThatIsNotThere()
    {
        var task = await RunAsync();

        (await Should.ThrowAsync<StoaException>(() => _node.Client.DisputeTaskAsync(task.Id, "Mine!", Stop))).Code.ShouldBe("taskUnknown");
        (await Should.ThrowAsync<StoaException>(() => _ada.GetTaskDisputeAsync(task.Id, Stop))).Code.ShouldBe("disputeUnknown");
        (await Should.ThrowAsync<StoaException>(() => _ada.DisputeTaskAsync(task.Id, "", Stop))).Code.ShouldBe("disputeInvalid");
    }

    private async Task<TaskResponse> RunAsync()
    {
        var listing = await _node.PublishAsync("echo", GuestPrograms.Echo);
        var task = await _ada.SubmitTextAsync(listing, "hello", new SubmitOptions { Wait = TimeSpan.FromSeconds(60) }, Stop);
        task.State.ShouldBe("succeeded");
        return task;
    }

    /// <summary>What a node that lies would have signed.</summary>
    private async Task LieAsync(TaskResponse task)
    {
        var key = _node.Host.Services.GetRequiredService<PrivateKey>();
        var receipt = ReceiptVerifier.Verify(await _ada.GetReceiptAsync(task.Id, Stop), null).Value;
        var envelope = (receipt with { OutputDigest = ContentHash.Of("never written"u8) }).Sign(key).Envelope.ToJson();
        await _node.Host.Services.GetRequiredService<Database>().WriteAsync(
            session => session.ExecuteAsync("UPDATE receipts SET envelope = @envelope WHERE task_id = @Id", new { envelope, task.Id }), Stop);
    }

    private async Task<DisputeResponse> DecidedAsync(string task)
    {
        await foreach (var happened in _ada.WatchEventsAsync("0", Stop))
        {
            if (happened.Type == "stoa.dispute.decided" && happened.Data.GetProperty("taskId").GetString() == task)
                return await _ada.GetTaskDisputeAsync(task, Stop);
        }

        throw new InvalidOperationException("The stream has ended.");
    }
}
