namespace Stoa.Market.Expressions;

/// <summary>A part of an expression that was read.</summary>
/// <param name="Offset">Where it is in the text.</param>
internal abstract record Node(int Offset);

/// <summary><c>@</c>, and what stands for it where nothing is written.</summary>
internal sealed record CurrentNode(int Offset) : Node(Offset);

/// <summary>A value that is written in the expression.</summary>
internal sealed record LiteralNode(int Offset, ExpressionValue Value) : Node(Offset);

/// <summary><c>source.name</c></summary>
internal sealed record FieldNode(int Offset, Node Source, string Name) : Node(Offset);

/// <summary><c>source[1]</c>; from the end where it is negative.</summary>
internal sealed record IndexNode(int Offset, Node Source, int Index) : Node(Offset);

/// <summary><c>first | second</c>, and <c>first.second</c> where the second is no name: the second is evaluated on what the first gives.</summary>
internal sealed record ChainNode(int Offset, Node First, Node Second) : Node(Offset);

/// <summary>What is evaluated on each item that something gives; what gives null is left out.</summary>
/// <param name="Offset">Where it is in the text.</param>
/// <param name="Source">Gives the array or object.</param>
/// <param name="Each">Evaluated on each.</param>
internal abstract record ProjectionNode(int Offset, Node Source, Node Each) : Node(Offset);

/// <summary><c>source[*].each</c></summary>
internal sealed record ListNode(int Offset, Node Source, Node Each) : ProjectionNode(Offset, Source, Each);

/// <summary><c>source[].each</c>: items that are arrays are replaced by theirs.</summary>
internal sealed record FlattenNode(int Offset, Node Source, Node Each) : ProjectionNode(Offset, Source, Each);

/// <summary><c>source.*.each</c></summary>
internal sealed record ValuesNode(int Offset, Node Source, Node Each) : ProjectionNode(Offset, Source, Each);

/// <summary><c>source[?condition].each</c></summary>
internal sealed record FilterNode(int Offset, Node Source, Node Condition, Node Each) : ProjectionNode(Offset, Source, Each);

/// <summary><c>source[start:stop:step].each</c>; the step is not zero.</summary>
internal sealed record SliceNode(int Offset, Node Source, int? Start, int? Stop, int Step, Node Each) : ProjectionNode(Offset, Source, Each);

/// <summary><c>!operand</c></summary>
internal sealed record NotNode(int Offset, Node Operand) : Node(Offset);

/// <summary><c>left &amp;&amp; right</c></summary>
internal sealed record AndNode(int Offset, Node Left, Node Right) : Node(Offset);

/// <summary><c>left || right</c></summary>
internal sealed record OrNode(int Offset, Node Left, Node Right) : Node(Offset);

/// <summary><c>left == right</c> and the other comparisons.</summary>
/// <param name="Offset">Where it is in the text.</param>
/// <param name="Comparator">From <see cref="TokenKind.Equal"/> to <see cref="TokenKind.GreaterOrEqual"/>.</param>
/// <param name="Left">Before it.</param>
/// <param name="Right">Behind it.</param>
internal sealed record ComparisonNode(int Offset, TokenKind Comparator, Node Left, Node Right) : Node(Offset);

/// <summary><c>[a, b]</c></summary>
internal sealed record MultiListNode(int Offset, IReadOnlyList<Node> Items) : Node(Offset);

/// <summary><c>{x: a, y: b}</c></summary>
internal sealed record MultiHashNode(int Offset, IReadOnlyList<(string Name, Node Value)> Members) : Node(Offset);

/// <summary><c>name(a, &amp;b)</c>; number and kinds of the arguments are as the function takes them.</summary>
internal sealed record CallNode(int Offset, Function Function, IReadOnlyList<Node> Arguments) : Node(Offset);

/// <summary><c>&amp;body</c>, an argument that the function evaluates itself.</summary>
internal sealed record ExpressionNode(int Offset, Node Body) : Node(Offset);
