namespace Stoa.Market.Expressions;

/// <summary>Why an expression cannot be read or evaluated, and where in it.</summary>
/// <param name="Kind">The case.</param>
/// <param name="Offset">Where: the characters of the text before it. In a <see cref="TextTemplate"/> they are counted from the beginning of the whole text.</param>
/// <param name="Reason">What is expected there, and what there is; a sentence for whoever wrote the expression.</param>
public sealed record ExpressionFault(ExpressionFaultKind Kind, int Offset, string Reason);

/// <summary>Every reason for which an expression is refused, or has no result.</summary>
/// <remarks>The specification's own names are beside those that it has: <c>invalid-type</c> and others.</remarks>
public enum ExpressionFaultKind
{
    /// <summary>It is none of the language (<c>syntax</c>).</summary>
    Syntax,

    /// <summary>It has more characters than an expression may have.</summary>
    TooLong,

    /// <summary>It is nested deeper than an expression may be.</summary>
    NestedTooDeep,

    /// <summary>It has more parts than an expression may have.</summary>
    TooManyNodes,

    /// <summary>There is no such function (<c>unknown-function</c>); found when it is read.</summary>
    UnknownFunction,

    /// <summary>A function has too few or too many arguments (<c>invalid-arity</c>); found when it is read.</summary>
    InvalidArity,

    /// <summary>A function does not take a value of that type (<c>invalid-type</c>).</summary>
    InvalidType,

    /// <summary>A value that there cannot be: a slice's step of zero, a number that is too large (<c>invalid-value</c>).</summary>
    InvalidValue,

    /// <summary>The value that it is evaluated on has a text that is no Unicode, such as half of a surrogate pair.</summary>
    InvalidText,

    /// <summary>A value is nested deeper than one that is compared or written may be.</summary>
    ValueTooDeep,

    /// <summary>All steps of the budget are spent.</summary>
    BudgetSpent,
}
