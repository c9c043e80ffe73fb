using System.CommandLine;
using System.Text.Json;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa template</c>.</summary>
internal static class TemplateCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "template",
        "Keep submissions with blanks, and fill them in.",
        [new("Fill one in", "stoa template submit tmpl_01h2xcejqtf2nbrexx3vqjhp41 --set width=640")],
        new CreateCommand(scope),
        new ListCommand(scope),
        new ShowCommand(scope),
        new SubmitCommand(scope),
        new DeleteCommand(scope));

    /// <summary><c>--set NAME=VALUE</c>, as often as needed.</summary>
    public static Option<string[]?> Set() => new("--set") { Description = "Fills in a blank; may be given several times.", HelpName = "NAME=VALUE" };

    /// <summary>The values of <see cref="Set"/>, each as its parameter's type has it.</summary>
    public static async Task<Dictionary<string, JsonElement>> ReadAsync(
        StoaClient client, string template, string[]? words, CancellationToken cancellationToken)
    {
        var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        if (words is not { Length: > 0 })
            return values;
        var parameters = (await client.GetTemplateAsync(template, cancellationToken)).Parameters.ToDictionary(parameter => parameter.Name);
        foreach (var word in words)
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new CommandFailure($"--set is written as NAME=VALUE; '{word}' is not.");
            var (name, text) = (word[..equals], word[(equals + 1)..]);
            var isText = parameters.GetValueOrDefault(name)?.Type is null or "text";
            try
            {
                values[name] = isText ? JsonSerializer.SerializeToElement(text, StoaJson.Default.String) : JsonDocument.Parse(text).RootElement.Clone();
            }
            catch (JsonException)
            {
                throw new CommandFailure($"--set {name}: '{text}' is not of type {parameters[name].Type}.");
            }
        }

        return values;
    }

    private static Argument<string> Id() => CommonArguments.Id("ID", "As stoa template list shows it (tmpl_…).", IdKind.Template);

    private sealed class CreateCommand : StoaCommand, ITakesRequests
    {
        private readonly Argument<string> _file = new("FILE") { Description = "The template as JSON; - for standard input." };

        public CreateCommand(CommandScope scope)
            : base(
                scope,
                "create",
                "Keep a submission with blanks, written as POST /api/v1/templates takes it.",
                new CommandExample(
                    "With one blank",
                    """echo '{"name":"hello","task":{"agent":"stoa/markdown-html","input":{"text":"# {{title}}"}},"parameters":[{"name":"title"}]}' | stoa template create -""")) =>
            Add(_file);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var path = invocation.Get(_file);
            await using var source = path == "-" ? invocation.Surroundings.Input : File.OpenRead(invocation.Surroundings.FullPath(path));
            TemplateResponse template;
            try
            {
                var request = await JsonSerializer.DeserializeAsync(source, StoaJson.Default.CreateTemplateRequest, cancellationToken)
                    ?? throw new JsonException("The file holds null.");
                template = await invocation.Client.CreateTemplateAsync(request, cancellationToken);
            }
            catch (JsonException notATemplate)
            {
                throw new CommandFailure($"The file is not a template: {JsonText.Say(notATemplate)}");
            }

            if (invocation.IsJson)
                invocation.Screen.Json(template, json => json.TemplateResponse);
            else
                invocation.Screen.Line(template.Id);
            return ExitCode.Ok;
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the account's templates.", new CommandExample("Which are there?", "stoa template list")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (templates, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListTemplatesAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<TemplateResponse>(templates), json => json.ListResponseTemplateResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Name", "Agent", "Parameters"],
                [.. templates.Select(template => (IReadOnlyList<string>)
                [
                    template.Id, template.Name, AgentOf(template.Task), string.Join(", ", template.Parameters.Select(parameter => parameter.Name)),
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }

        /// <summary>Who does it, or what must be done.</summary>
        private static string AgentOf(SubmitTaskRequest task) => task.Agent ?? string.Join(", ", task.Requirement?.Capabilities ?? []);
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show a template as JSON.", new CommandExample("As a start for another one", "stoa template show tmpl_01h2xcejqtf2nbrexx3vqjhp41 | jq '{name,task,parameters}'")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            invocation.Screen.Json(await invocation.Client.GetTemplateAsync(invocation.Get(_id), cancellationToken), json => json.TemplateResponse);
            return ExitCode.Ok;
        }
    }

    private sealed class SubmitCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<string[]?> _set = Set();
        private readonly Option<bool> _noWait = new("--no-wait") { Description = "Print the task's id and return at once." };
        private readonly Option<string?> _outputFile = ResultOutput.Option();

        public SubmitCommand(CommandScope scope)
            : base(
                scope,
                "submit",
                "Fill in a template and submit it; wait for the result.",
                new("With a value", "stoa template submit tmpl_01h2xcejqtf2nbrexx3vqjhp41 --set title=Hello"),
                new("And look later", "stoa template submit tmpl_01h2xcejqtf2nbrexx3vqjhp41 --set title=Hello --no-wait"))
        {
            Add(_id);
            Add(_set);
            Add(_noWait);
            Add(_outputFile);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var client = invocation.Client;
            var values = await ReadAsync(client, invocation.Get(_id), invocation.Get(_set), cancellationToken);
            var isWaiting = !invocation.Get(_noWait);
            if (isWaiting)
                ResultOutput.RefuseUnwritable(invocation, invocation.Get(_outputFile));
            TaskResponse? submitted = null;
            try
            {
                var task = await TaskProgress.RunAsync(invocation.Screen, "submitting", async progress =>
                {
                    submitted = await client.SubmitTemplateAsync(invocation.Get(_id), values, cancellationToken: cancellationToken);
                    return isWaiting ? await TaskFollowing.ToEndAsync(client, submitted, progress, cancellationToken) : submitted;
                });
                if (isWaiting)
                    return await TaskEnding.TellAsync(invocation, task, invocation.Get(_outputFile), cancellationToken);
                if (invocation.IsJson)
                    invocation.Screen.Json(task, json => json.TaskResponse);
                else
                    invocation.Screen.Line(task.Id);
                return ExitCode.Ok;
            }
            catch (OperationCanceledException) when (submitted is not null && cancellationToken.IsCancellationRequested)
            {
                TaskFollowing.TellThatItGoesOn(invocation.Screen, submitted.Id);
                return ExitCode.Interrupted;
            }
            catch (Exception failure) when (submitted is not null && failure is (IOException or UnauthorizedAccessException))
            {
                return TaskFollowing.TellWhereItIs(invocation.Screen, submitted.Id, failure);
            }
        }
    }

    private sealed class DeleteCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<bool> _force = new("--force") { Description = "Also when schedules use it: each of their ticks is refused from then on." };

        public DeleteCommand(CommandScope scope)
            : base(
                scope,
                "delete",
                "Delete a template; its tasks stay. One that schedules use is not deleted without --force.",
                new CommandExample("One that is not used any more", "stoa template delete tmpl_01h2xcejqtf2nbrexx3vqjhp41"))
        {
            Add(_id);
            Add(_force);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.DeleteTemplateAsync(invocation.Get(_id), invocation.Get(_force), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_id)} is deleted.");
            return ExitCode.Ok;
        }
    }
}
