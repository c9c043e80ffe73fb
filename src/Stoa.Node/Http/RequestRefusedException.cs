using Stoa.Market;

namespace Stoa.Node.Http;

/// <summary>A request that cannot be bound to what its endpoint takes. Thrown while binding, where nothing can be answered yet.</summary>
public sealed class RequestRefusedException(RequestRefusal refusal, string? detail = null, IReadOnlyList<FieldError>? errors = null)
    : Exception(detail ?? Problems.Of(refusal).Remedy)
{
    /// <summary>What the client gets.</summary>
    public ProblemResult Problem { get; } = refusal.ToProblem(detail, errors);
}
