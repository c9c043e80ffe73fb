namespace Stoa.Market.Workflows;

/// <summary>A workflow that needs nothing beside it.</summary>
/// <param name="Workflow">As it was read, with those that it uses.</param>
/// <param name="Document">In JSON, UTF-8: the document itself, or with those that were given beside it under <c>workflows</c>. Whatever becomes of these, reading it gives the same.</param>
public sealed record WholeWorkflow(Workflow Workflow, ReadOnlyMemory<byte> Document);
