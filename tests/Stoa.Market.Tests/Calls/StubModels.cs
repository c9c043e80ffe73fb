using System.Collections.Concurrent;
using System.Text;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Tasks.Models;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Calls;

/// <summary>Models that answer what a test wants: a hundred tokens in and ten out, a thousandth and a hundredth of a dollar for a thousand of each, and half as much for serving.</summary>
internal sealed class StubModels : IModelGateway
{
    public static readonly PricedModel Model = new(
        ListingName.Parse("stoa/tiny@1.0.0"), TaskSamples.Ids.Next<User>(), new ModelPrice(Money.Parse("1"), Money.Parse("10")), new ModelPrice(Money.Parse("0.5"), Money.Parse("5")));

    /// <summary>What one answer costs: 0.0002 for the listing and 0.0001 for serving it.</summary>
    public static readonly Money Price = Money.Parse("0.0003");

    /// <summary>The requests that came, as the model sees them.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>Those who pay.</summary>
    public ConcurrentQueue<Id<User>> Payers { get; } = [];

    /// <summary>Whether a request was ended by its token.</summary>
    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Says what comes of a request; null for an answer.</summary>
    public Func<CancellationToken, Task<ModelAnswer?>> Behaviour { get; set; } = _ => Task.FromResult<ModelAnswer?>(null);

    /// <summary>Whether each request is ended when its answer is paid for and not there yet.</summary>
    public bool EndsOncePaid { get; set; }

    public string Answer { get; set; } = """{"choices":[{"message":{"content":"hi"}}]}""";

    public async Task<ModelAnswer> AskAsync(ModelCapability capability, IInferencePayer purse, InferenceRequest request, long maxAnswerBytes, CancellationToken cancellationToken)
    {
        Requests.Enqueue(Encoding.UTF8.GetString(request.Rewrite("tiny", null)));
        Payers.Enqueue(capability.Payer);
        if (!(await purse.ReserveAsync(Model, new TokenUsage(100, request.MaxTokens ?? 10), cancellationToken)).TryGet(out var reservation, out var unpaid))
            return ModelAnswer.Refused(402, "budget_exhausted", unpaid.Detail);
        try
        {
            if (await Behaviour(cancellationToken) is { } other)
                return other;
            reservation.Settle(new TokenUsage(100, 10), Model);
            if (EndsOncePaid)
                throw new OperationCanceledException(cancellationToken);
            return ModelAnswer.Of(Encoding.UTF8.GetBytes(Answer));
        }
        catch (OperationCanceledException)
        {
            Ended.TrySetResult();
            throw;
        }
        finally
        {
            reservation.Release();
        }
    }
}
