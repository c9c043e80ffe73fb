using System.Text.Json;

namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/templates</c>: a submission with blanks.</summary>
/// <param name="Name">Unique among yours, 1 to 100 characters.</param>
/// <param name="Task">As in <c>POST /api/v1/tasks</c>; its texts may hold blanks such as <c>{{width}}</c>. A text below <c>input.json</c> that is nothing but a blank becomes the value itself.</param>
/// <param name="Parameters">The blanks.</param>
public sealed record CreateTemplateRequest(string Name, SubmitTaskRequest Task, IReadOnlyList<TemplateParameterBody>? Parameters = null);

/// <summary>A blank of a template.</summary>
/// <param name="Name">Letters, digits and underscores, a letter first.</param>
/// <param name="Type"><c>text</c>, <c>number</c>, <c>integer</c> or <c>boolean</c>; null for text.</param>
/// <param name="Description">For people.</param>
/// <param name="Default">Filled in when nothing is given; without it something must be.</param>
public sealed record TemplateParameterBody(string Name, string? Type = null, string? Description = null, JsonElement? Default = null);

/// <summary>A template. It never changes.</summary>
/// <param name="Id">TypeID with prefix <c>tmpl</c>.</param>
/// <param name="Name">Unique among yours.</param>
/// <param name="Task">The submission with its blanks.</param>
/// <param name="Parameters">The blanks.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record TemplateResponse(
    string Id, string Name, SubmitTaskRequest Task, IReadOnlyList<TemplateParameterBody> Parameters, DateTimeOffset CreatedAt);

/// <summary><c>POST /api/v1/templates/{id}/tasks</c>.</summary>
/// <param name="Parameters">What is filled in, by name, each of its parameter's type.</param>
public sealed record SubmitTemplateRequest(IReadOnlyDictionary<string, JsonElement>? Parameters = null);
