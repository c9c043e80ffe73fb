using System.Diagnostics.CodeAnalysis;

namespace Stoa.Market;

/// <summary>One reason why a document or a request was refused, and where in it.</summary>
/// <param name="Pointer">JSON Pointer (RFC 6901) to the offending member; empty for the whole document.</param>
/// <param name="Reason">What is wrong and what would be right.</param>
public sealed record FieldError(string Pointer, string Reason);

/// <summary>An expected "no": a case of a closed enum, with words for the person who must act on it.</summary>
/// <param name="Code">The case; its name becomes the <c>code</c> of the problem details.</param>
/// <param name="Detail">What happened and what to do next.</param>
/// <param name="Errors">Every reason at once, when the refusal is about a document's members.</param>
public sealed record Refusal<TCode>(TCode Code, string Detail, IReadOnlyList<FieldError> Errors)
    where TCode : struct, Enum
{
    public Refusal(TCode code, string detail)
        : this(code, detail, [])
    {
    }
}

/// <summary>What an act answers: the value, or a refusal. Exceptions are left to bugs and a broken world.</summary>
public readonly struct Outcome<T, TCode>
    where TCode : struct, Enum
{
    private readonly T? _value;

    private Outcome(T? value, Refusal<TCode>? refusal) => (_value, Refusal) = (value, refusal);

    /// <summary>The refusal, or null when the act was accepted.</summary>
    public Refusal<TCode>? Refusal { get; }

    /// <summary>The value of an accepted act.</summary>
    /// <exception cref="InvalidOperationException">The act was refused.</exception>
    public T Value => Refusal is null
        ? _value!
        : throw new InvalidOperationException($"Refused: {Refusal.Code}: {Refusal.Detail}");

    /// <summary>True with the value when accepted; false with the refusal otherwise.</summary>
    public bool TryGet([MaybeNullWhen(false)] out T accepted, [NotNullWhen(false)] out Refusal<TCode>? refusal)
    {
        accepted = _value;
        refusal = Refusal;
        return refusal is null;
    }

    /// <summary>Maps both sides to one type.</summary>
    public TResult Match<TResult>(Func<T, TResult> accepted, Func<Refusal<TCode>, TResult> refused) =>
        Refusal is null ? accepted(_value!) : refused(Refusal);

    public static implicit operator Outcome<T, TCode>(T value) => new(value, null);

    public static implicit operator Outcome<T, TCode>(Refusal<TCode> refusal) => new(default, refusal);
}
