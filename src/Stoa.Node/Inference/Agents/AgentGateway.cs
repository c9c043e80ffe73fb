using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Tasks.Models;
using Stoa.Node.Inference.Gateway;

namespace Stoa.Node.Inference.Agents;

/// <summary>Asks models for running agents, by the gateway that answers everybody. Who may ask what was checked before: <see cref="ModelDoor"/>.</summary>
/// <param name="gateway">The gateway.</param>
public sealed class AgentGateway(InferenceGateway gateway) : IModelGateway
{
    /// <inheritdoc/>
    public async Task<ModelAnswer> AskAsync(ModelCapability capability, IInferencePayer purse, InferenceRequest request, long maxAnswerBytes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(capability);
        var collected = new CollectedAnswer(maxAnswerBytes, cancellationToken);
        await gateway.AnswerAsync(new InferenceCall(capability.Payer, purse) { Capability = capability }, request, collected);
        // One that is there is paid, and so is told: who is to end learns that soon enough.
        if (collected.Answer is null)
            cancellationToken.ThrowIfCancellationRequested();
        return collected.Answer ?? throw new InvalidOperationException($"A request to {request.Model} was neither answered nor refused.");
    }
}
