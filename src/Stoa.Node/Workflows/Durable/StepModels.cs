using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Node.Inference.Agents;
using Stoa.Node.Inference.Charging;
using Stoa.Node.Inference.Gateway;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>A request to a model that a run makes.</summary>
/// <param name="Request">What is asked.</param>
/// <param name="MostPrice">It is not asked if it may cost more; null for any price.</param>
internal sealed record ModelStep(InferenceRequest Request, Money? MostPrice);

/// <summary>Asks models for runs, by the gateway that answers everybody, and pays as their accounts do.</summary>
/// <param name="gateway">The gateway.</param>
/// <param name="allowances">Pay.</param>
internal sealed class StepModels(InferenceGateway gateway, Allowances allowances)
{
    // As much as a run keeps of what a task writes.
    private const int MaxAnswerBytes = TaskResult.MaxInlineBytes;

    /// <summary>Asks one, and waits for the whole answer.</summary>
    /// <param name="owner">Who pays.</param>
    /// <param name="allowance">What the API key of the run may spend; null for all that the account has.</param>
    /// <param name="step">What is asked.</param>
    /// <param name="cancellationToken">Ends it at once.</param>
    /// <returns>What it came to, and what it cost.</returns>
    public async Task<(WorkOutcome Outcome, Money Price)> AskAsync(Id<User> owner, SpendingAllowance? allowance, ModelStep step, CancellationToken cancellationToken)
    {
        var payer = new CountingPayer(allowances.PayerOf(new AllowanceHolder(owner, allowance)));
        var collected = new CollectedAnswer(MaxAnswerBytes, cancellationToken);
        await gateway.AnswerAsync(new InferenceCall(owner, payer) { MostPrice = step.MostPrice }, step.Request, collected);
        return (OutcomeOf(collected.Answer), payer.Spent);
    }

    private static WorkOutcome OutcomeOf(Market.Tasks.Models.ModelAnswer? answer) => answer switch
    {
        null => new WorkOutcome.Failed("cancelled", "It was stopped.", IsFinal: true),
        { Status: 413, Code: "answer_too_long" } => new WorkOutcome.Failed("answerTooLong", $"A run takes answers of at most {MaxAnswerBytes} bytes: say max_tokens, or ask for fewer.", IsFinal: true),
        { Code: { } code } => new WorkOutcome.Failed(code, answer.Detail, IsFinal: answer.Status is >= 400 and < 500 and not (402 or 408 or 409 or 429)),
        _ when StepOutcomes.TryJson(answer.Body, out var value) => new WorkOutcome.Done(value, default),
        _ => new WorkOutcome.Failed("answerUnreadable", "The model's server has answered with no JSON that a run keeps."),
    };

    /// <summary>Knows what was taken for one request.</summary>
    private sealed class CountingPayer(IInferencePayer payer) : IInferencePayer
    {
        private long _nanodollars;

        public Money Spent => new(Interlocked.Read(ref _nanodollars));

        public async ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveAsync(PricedModel model, TokenUsage most, CancellationToken cancellationToken) =>
            (await payer.ReserveAsync(model, most, cancellationToken)).Match<Outcome<Reservation, AllowanceRefusal>>(reserved => new Counted(this, reserved), refusal => refusal);

        private sealed class Counted(CountingPayer all, Reservation reserved) : Reservation(reserved.Amount)
        {
            public override void NoteSent(PricedModel model) => reserved.NoteSent(model);

            public override void NoteFailed() => reserved.NoteFailed();

            protected override Money Take(TokenUsage used, InferencePrice price, PricedModel model)
            {
                var taken = reserved.Settle(used, model, price.Total);
                Interlocked.Add(ref all._nanodollars, taken.Nanodollars);
                return taken;
            }

            protected override void GiveBack() => reserved.Release();
        }
    }
}
