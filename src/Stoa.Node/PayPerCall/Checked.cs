using System.Diagnostics.CodeAnalysis;
using Stoa.Node.Http;

namespace Stoa.Node.PayPerCall;

/// <summary>What was checked, or the answer that says why it is refused.</summary>
public readonly struct Checked<T>
    where T : class
{
    private readonly T? _good;
    private readonly ProblemResult? _refusal;

    private Checked(T? good, ProblemResult? refusal) => (_good, _refusal) = (good, refusal);

    public bool TryGet([NotNullWhen(true)] out T? good, [NotNullWhen(false)] out ProblemResult? refusal)
    {
        (good, refusal) = (_good, _refusal);
        return good is not null;
    }

    public static implicit operator Checked<T>(T good) => new(good, null);

    public static implicit operator Checked<T>(ProblemResult refusal) => new(null, refusal);
}
