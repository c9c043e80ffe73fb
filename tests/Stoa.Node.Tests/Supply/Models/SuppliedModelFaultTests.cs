using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client.Contracts;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Inference;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply.Models;

/// <summary>Suppliers that lie in the middle of a stream, have no room or refuse what others answer, and clients and operators who go away in the middle.</summary>
public sealed class SuppliedModelFaultTests : SuppliedModelNodes
{
    private const string Chunk = """data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,"delta":{"content":"unsworn "},"finish_reason":null}]}""" + "\n\n";

    [Theory]
    [InlineData("receiptTooEarly", "ReceiptTooEarly")]
    [InlineData("endless", "AnswerEndless")]
    [InlineData("missing", "ReceiptMissing")]
    public async Task Stream_ThatIsNotWhatItsReceiptSwearsTo_IsALie(string lie, string fault)
    {
        var (seller, _) = await SellModelAsync();
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        Keep(proxy);
        var supplier = await SupplyAsync(seller, proxy.Address);
        var model = await FindModelAsync();
        proxy.Alter = (path, bytes, _) => path.EndsWith("chat/completions", StringComparison.Ordinal) ? Encoding.UTF8.GetBytes(Lie(lie, Encoding.UTF8.GetString(bytes))) : null;

        using var stream = await AskAsync(Chat(model, stream: true));
        var events = await InferenceNode.ReadEventsAsync(stream);

        events[^1].ShouldBe("[DONE]");
        if (lie == "receiptTooEarly")
            InferenceNode.TextOf(events).ShouldBe("Hello there ");
        SupplierResponse shown = null!;
        await Eventually.IsSoAsync(async () => (shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Lies == 1);
        shown.LastFailure.ShouldNotBeNull().ShouldStartWith(fault);
        // What was counted was paid, and is what may have been charged.
        shown.Doubtful.ShouldBeNull();
    }

    [Fact]
    public async Task Client_ThatGoesInTheMiddleOfAStream_PaysWhatTheReceiptSays()
    {
        var (said, release) = (NewSource(), NewSource());
        var (seller, _) = await SellModelAsync(behaviour: async call =>
        {
            await call.BeginAsync();
            await call.WordAsync("Hello ");
            said.TrySetResult();
            await release.Task;
            await call.WordAsync("there ");
            await call.EventAsync("""{"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""");
            await call.EventAsync("""{"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}""");
            await call.ChunkAsync("data: [DONE]\n\n");
            await call.RawAsync("0\r\n\r\n");
        });
        var supplier = await SupplyAsync(seller);
        var model = await FindModelAsync();

        using (var stream = await AskAsync(Chat(model, stream: true)))
        {
            await said.Task.WaitAsync(TimeSpan.FromMinutes(1), Stop);
            using var reader = new StreamReader(await stream.Content.ReadAsStreamAsync(Stop));
            await reader.ReadLineAsync(Stop);
        }

        release.TrySetResult();
        await ReconcileAsync(seller, supplier, "0.0000155");
        var shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Successes, shown.Doubtful).ShouldBe((1, null));
    }

    [Fact]
    public async Task Supplier_ThatIsRemovedWhileItAnswers_HasWhatThatCostsBooked()
    {
        var (reached, release) = (NewSource(), NewSource());
        var (seller, _) = await SellModelAsync(behaviour: async call =>
        {
            reached.TrySetResult();
            await release.Task;
            await call.AnswerAsync("Hello there");
        });
        var supplier = await SupplyAsync(seller);
        var model = await FindModelAsync();
        var asked = AskAsync(Chat(model));
        await reached.Task.WaitAsync(TimeSpan.FromMinutes(1), Stop);

        await Buyer.Client.RemoveSupplierAsync(supplier.Id, Stop);
        // The tab is closed by then, with the request under way.
        await Eventually.IsSoAsync(async () => (await AskAsync(Chat(model))).StatusCode is HttpStatusCode.NotFound);
        release.TrySetResult();

        (await asked).StatusCode.ShouldBe(HttpStatusCode.OK);
        var database = Buyer.Host.Services.GetRequiredService<Database>();
        await Eventually.IsSoAsync(async () =>
            await database.ReadAsync(session => session.QuerySingleAsync<Money>("SELECT spent FROM suppliers WHERE id = @id", new { id = supplier.Id }), Stop) == Money.Parse("0.0000155")
            && await database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM supplier_tabs WHERE closed_at IS NULL"), Stop) == 0);
    }

    [Fact]
    public async Task List_IsTakenAsFarAsItCanBe_AndOneWithNothingInItIsNone()
    {
        var (seller, _) = await SellModelAsync();
        await AddModelAsync(seller, "vectors", "embeddings");
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        Keep(proxy);
        // Above Supply:ModelMostPrice, and what is no model at all.
        proxy.Alter = (path, bytes, _) => Altered(path, bytes, items =>
        {
            items.Single(one => one!["model"]!.GetValue<string>().Contains("/tiny@", StringComparison.Ordinal))!["outputPrice"] = "1000.000000001";
            items.Add(JsonNode.Parse("""{"model":"?","publisher":"?","weights":"?","capabilities":[],"inputPrice":"?","outputPrice":"?"}"""));
        });
        var supplier = await SupplyAsync(seller, proxy.Address);

        var vectors = await FindModelAsync("vectors");
        var shown = (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Models.ShouldNotBeNull();
        (shown.Listed, shown.Items.Single().Model).ShouldBe((3, vectors));

        proxy.Alter = (path, bytes, _) => Altered(path, bytes, items => items.Add(null));
        await Eventually.IsSoAsync(async () => (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Models?.Reason?.Contains("where a model is expected", StringComparison.Ordinal) is true);
        proxy.Alter = (_, _, _) => null;
        await FindModelAsync();
    }

    [Theory]
    [InlineData(400)]
    [InlineData(503)]
    public async Task Supplier_ThatRefuses_IsFollowedByTheNextOne_AndKeepsNoRequestFromIt(int status)
    {
        var (first, _) = await SellModelAsync();
        var second = await OpenShopAsync(region: null, "--Inference:SettleMs", "50");
        var (gift, _) = await AddFreeAsync(first, second);
        var proxy = await SellerProxy.StartAsync(first.Client.Options.Address);
        Keep(proxy);
        var refusals = 0;
        proxy.Refuse = path =>
        {
            if (!path.EndsWith("chat/completions", StringComparison.Ordinal))
                return null;
            Interlocked.Increment(ref refusals);
            return (status, 60);
        };
        var refusing = await SupplyAsync(first, proxy.Address);
        var honest = await SupplyAsync(second);
        (await FindModelAsync("gift", replicas: 2)).ShouldBe(gift);

        // So many at once that both are asked.
        await Eventually.IsSoAsync(async () =>
        {
            await AskAtOnceAsync(gift);
            return Volatile.Read(ref refusals) > 0;
        });
        await ReconcileAsync(second, honest);
        if (status == 503)
        {
            // It is left alone for as long as it asks.
            var before = refusals;
            await AskAtOnceAsync(gift);
            refusals.ShouldBe(before);
            (await Buyer.Client.GetSupplierAsync(refusing.Id, Stop)).Failures.ShouldBe(0);
            return;
        }

        await Eventually.IsSoAsync(async () => (await Buyer.Client.GetSupplierAsync(refusing.Id, Stop)).Failures == refusals);
    }

    protected override string[] Options => [.. base.Options, "--Inference:MaxAttempts", "1"];

    private async Task AskAtOnceAsync(string model)
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async number =>
        {
            using var answer = await AskAsync(Chat(model, content: string.Join(' ', Enumerable.Repeat(number, 64))));
            return answer.StatusCode;
        }));
        answers.ShouldAllBe(status => status == HttpStatusCode.OK);
    }

    private static byte[]? Altered(string path, byte[] bytes, Action<JsonArray> change)
    {
        if (!path.EndsWith("model-calls/models", StringComparison.Ordinal))
            return null;
        var list = JsonNode.Parse(bytes)!;
        change(list["items"]!.AsArray());
        return Encoding.UTF8.GetBytes(list.ToJsonString());
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static string Lie(string lie, string stream)
    {
        const string Receipt = ": stoa-receipt ";
        var at = stream.IndexOf(Receipt, StringComparison.Ordinal);
        if (at < 0)
            return stream;
        var end = stream.IndexOf("\n\n", at, StringComparison.Ordinal) + 2;
        return lie switch
        {
            "receiptTooEarly" => stream.Insert(end, Chunk),
            "endless" => stream.Insert(at, string.Concat(Enumerable.Repeat(Chunk, 1_000))),
            _ => stream.Remove(at, end - at),
        };
    }
}
