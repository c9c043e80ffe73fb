namespace Stoa.Node.Registry.Statements;

/// <summary>A publisher has listed something of another kind under a name. It undoes the act that would have listed this under it.</summary>
public sealed class NameOfOtherKindException() : Exception("Something of another kind is listed under this name.");
