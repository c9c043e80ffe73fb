using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Primitives;

namespace Stoa.Market.Tasks.Models;

/// <summary>Where models are asked.</summary>
public interface IModelGateway
{
    /// <summary>Asks one, and waits for the whole answer.</summary>
    /// <param name="capability">By what right: whose routes count and in whose turn the request waits, and which agent asks.</param>
    /// <param name="purse">Pays for it.</param>
    /// <param name="request">Not to be streamed.</param>
    /// <param name="maxAnswerBytes">The longest answer that is taken.</param>
    /// <param name="cancellationToken">Ends it, and what it has begun elsewhere, at once.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    Task<ModelAnswer> AskAsync(ModelCapability capability, IInferencePayer purse, InferenceRequest request, long maxAnswerBytes, CancellationToken cancellationToken);
}

/// <summary>What a model answers, or why it does not.</summary>
/// <param name="Status">Of HTTP, as OpenAI's API would say it.</param>
/// <param name="Code">The refusal's name; null when there is an answer.</param>
/// <param name="Detail">What happened and what to do next; empty when there is an answer.</param>
/// <param name="Body">The answer in OpenAI's form; empty when there is none.</param>
public sealed record ModelAnswer(int Status, string? Code, string Detail, ReadOnlyMemory<byte> Body)
{
    /// <summary>Of one that was refused, or that failed.</summary>
    public static ModelAnswer Refused(int status, string code, string detail) => new(status, code, detail, ReadOnlyMemory<byte>.Empty);

    /// <summary>Of a model that has answered.</summary>
    public static ModelAnswer Of(ReadOnlyMemory<byte> body) => new(200, null, "", body);
}

/// <summary>A request to a model that was made within an attempt, whatever came of it.</summary>
/// <param name="Number">From 1, in the order in which they were made.</param>
/// <param name="Caller">The number of the call that has asked; 0 for the task's own agent.</param>
/// <param name="Asked">What it named as its model.</param>
/// <param name="Kind">Which endpoint.</param>
/// <param name="Request">SHA-256 of the body as the agent gave it.</param>
/// <param name="Answer">SHA-256 of what the agent can read of it: the answer, or the error.</param>
/// <param name="Failure">Why there was no answer, by its name in OpenAI's API; null when there was one.</param>
/// <param name="Paid">What was used, and what it costs; null when nothing was used. Of a request made for a call that failed nobody is paid, and its price is nothing.</param>
public sealed record ModelRequest(int Number, int Caller, string Asked, InferenceKind Kind, ContentHash Request, ContentHash Answer, string? Failure, PaidRequest? Paid);
