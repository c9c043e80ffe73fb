using Microsoft.Extensions.DependencyInjection;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply;

/// <summary>Inputs that are too long to come with a call in one piece, on their way to other operators' nodes.</summary>
[Trait("speed", "slow")]
public sealed class RemoteInputTests : SuppliedNodes
{
    private static readonly AgentLimitsBody s_limits = new(100_000_000_000, 8 << 20, 60_000, 16 << 20, 10_000);
    private readonly byte[] _input = new byte[(3 << 20) + 7];

    public RemoteInputTests() => new Random(7).NextBytes(_input);

    [Fact]
    public async Task Input_AboveAMebibyte_IsSentOnce_AndItsOutputComesBack()
    {
        var seller = await SellAsync(null, GuestPrograms.Echo, s_limits);
        var agent = await FindAgentAsync(seller);
        var proxy = await StandBeforeAsync(seller);
        var supplier = await SupplyAsync(seller, proxy.Address);

        var task = await EndAsync(await SubmitAsync(agent));

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        proxy.BodyBytes.ShouldBe(_input.Length, "not before it is paid for");
        using var result = new MemoryStream();
        await Buyer.Client.DownloadResultAsync(task, result, cancellationToken: Stop);
        result.ToArray().ShouldBe(_input);
        (await EarnedAsync(Buyer)).ShouldBe(Money.Parse(task.Result!.Price));
        var shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Successes, Money.Parse(shown.Spent)).ShouldBe((1, Money.Parse(task.Result.Price)));
    }

    [Fact]
    public async Task Input_AtTheSeller_GoesWithTheEndOfTheCall()
    {
        var seller = await SellAsync(null, GuestPrograms.Print("done"), s_limits);
        var agent = await FindAgentAsync(seller);
        await SupplyAsync(seller);

        var task = await EndAsync(await SubmitAsync(agent));

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        await Eventually.IsSoAsync(async () => await CountAsync(seller, "SELECT COUNT(*) FROM paid_calls WHERE price IS NOT NULL AND input_bytes > 0") == 1);
        (await CountAsync(seller, "SELECT COUNT(*) FROM content_owners WHERE size_bytes = " + _input.Length)).ShouldBe(0);
        (await CountAsync(Buyer, "SELECT COUNT(*) FROM content_owners WHERE size_bytes = " + _input.Length)).ShouldBe(1, "it is the consumer's here");
    }

    [Fact]
    public async Task Buyer_ThatEndsAfterTheInputWasSent_DoesNotSendItAgain()
    {
        var seller = await SellAsync(null, GuestPrograms.Echo, s_limits);
        var agent = await FindAgentAsync(seller);
        var (proxy, held) = await HoldAsync(seller, request: 3);
        await SupplyAsync(seller, proxy.Address);
        var submitted = await SubmitAsync(agent);
        await held;
        await Buyer.StopAsync();
        await CountCallsAsync(seller, 1);
        proxy.Hold = _ => Task.CompletedTask;
        Buyer = await StartBuyerAsync();

        var task = await EndAsync(submitted);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        proxy.BodyBytes.ShouldBe(_input.Length);
        await CountCallsAsync(seller, 1);
        (await Buyer.Client.ListSuppliersAsync(Stop).ToListAsync(Stop)).Single().Successes.ShouldBe(1);
    }

    [Fact]
    public async Task Seller_ThatBreaksOffInTheMiddleOfTheInput_IsFollowedByAnother()
    {
        var (first, second) = (await SellAsync(null, GuestPrograms.Echo, s_limits), await SellAsync(null, GuestPrograms.Echo, s_limits));
        var agent = await FindAgentAsync(first);
        await WaitForOfferAsync(second, await ProgramAsync(first));
        var broken = await StandBeforeAsync(first);
        var isOtherThere = new TaskCompletionSource();
        (broken.BreaksAfter, broken.MayBreak) = (1 << 20, isOtherThere.Task.WaitAsync(Stop));
        var supplier = await SupplyAsync(first, broken.Address);
        var submitted = await SubmitAsync(agent);
        var other = await SupplyAsync(second);
        isOtherThere.SetResult();

        var task = await EndAsync(submitted);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        task.Result!.Supplied!.Node.ShouldBe(PeerIdOf(second).ToString());
        broken.BodyBytes.ShouldBeGreaterThan(1 << 20);
        (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Failures.ShouldBe(1);
        (await Buyer.Client.GetSupplierAsync(other.Id, Stop)).Successes.ShouldBe(1);
        await CountCallsAsync(first, 1);
        (await CountAsync(first, "SELECT COUNT(*) FROM content_owners WHERE size_bytes = " + _input.Length)).ShouldBe(0);
    }

    [Fact]
    public async Task Input_ThatIsLongerThanASupplierTakes_GoesToOneThatTakesIt_OrIsRefused()
    {
        var (small, large) = (await SellAsync(null, GuestPrograms.Echo, s_limits, "--PayPerCall:MaxInputBytes", "2097152"), await SellAsync(null, GuestPrograms.Echo, s_limits));
        var agent = await FindAgentAsync(small);
        await WaitForOfferAsync(large, await ProgramAsync(small));
        var supplier = await SupplyAsync(small);
        var request = new SubmitTaskRequest(agent, new TaskInputBody(Digest: (await Buyer.Client.UploadAsync(new MemoryStream(_input), cancellationToken: Stop)).Digest));
        (await RefuseAsync(request)).ShouldBe("supplierUnavailable");

        await SupplyAsync(large);
        var task = await EndAsync(await Buyer.Client.SubmitAsync(request, cancellationToken: Stop));

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        task.Result!.Supplied!.Node.ShouldBe(PeerIdOf(large).ToString());
        (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Failures.ShouldBe(0, "it was not asked to do it");
    }

    [Fact]
    public async Task Input_OfSeveralExecutors_IsSentToEach()
    {
        var (one, other) = (await SellAsync(null, GuestPrograms.Echo, s_limits), await SellAsync(null, GuestPrograms.Echo, s_limits));
        await WaitForOfferAsync(one, await ProgramAsync(one));
        await WaitForOfferAsync(other, await ProgramAsync(one));
        await SupplyAsync(one);
        await SupplyAsync(other);
        // This node has the program, too, and is the third.
        var agent = await Buyer.PublishAsync("worker", GuestPrograms.Echo, s_limits);
        var input = new TaskInputBody(Digest: (await Buyer.Client.UploadAsync(new MemoryStream(_input), cancellationToken: Stop)).Digest);

        var task = await EndAsync(await Buyer.Client.SubmitAsync(new SubmitTaskRequest(agent, input, Redundancy: new RedundancyBody(3, 3)), cancellationToken: Stop));

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        task.Result!.Digest.ShouldBe(ContentHash.Of(_input).ToString());
    }

    private async Task<SellerProxy> StandBeforeAsync(TestNode seller)
    {
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        Keep(proxy);
        return proxy;
    }

    private async Task<TaskResponse> SubmitAsync(string agent)
    {
        var blob = await Buyer.Client.UploadAsync(new MemoryStream(_input), cancellationToken: Stop);
        return await Buyer.Client.SubmitAsync(new SubmitTaskRequest(agent, new TaskInputBody(Digest: blob.Digest)), cancellationToken: Stop);
    }

    private static Task<long> CountAsync(TestNode node, string query) =>
        node.Host.Services.GetRequiredService<Database>().ReadAsync(session => session.QuerySingleAsync<long>(query), Stop);
}
