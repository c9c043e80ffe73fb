using Stoa.Market.Builds;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;
using Stoa.Wasm;
using Stoa.Wasm.Tests;

namespace Stoa.Market.Tests.Samples;

/// <summary>The sample models, which are programs. What they answer is held against what it has to be on a node, in the tests of that room.</summary>
public sealed class SampleModelsTests
{
    private static string Folder { get; } = Path.Combine(SampleFolder.Root, "models");

    public static TheoryData<string> Names() => [.. Directory.EnumerateDirectories(Folder).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Manifest_OfASampleModel_IsAccepted_AndNamesItsProgram(string name)
    {
        var program = File.ReadAllBytes(Path.Combine(Folder, name, name + ".wasm"));

        var read = GoodsReader.Read(File.ReadAllBytes(Path.Combine(Folder, name, "model.json")));

        var manifest = read.Match(manifest => manifest, refusal => throw new ShouldAssertException(string.Join('\n', refusal.Errors)));
        manifest.Name.ShouldBe(name);
        var details = manifest.Details.ShouldBeOfType<ModelDetails>();
        (details.Framework, details.Weights.Digest).ShouldBe(("wasm", ContentHash.Of(program)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Program_OfASampleModel_IsACommand_ThatCanBeLoaded(string name)
    {
        var module = new Engine(new EngineOptions { Features = AgentFeatures.Admitted }).Compile(File.ReadAllBytes(Path.Combine(Folder, name, name + ".wasm")));

        module.Exports.Where(export => export.Type is FunctionType { Parameters.Length: 0, Results.Length: 0 }).Select(export => export.Name).ShouldBe(["_start", "stoa_model_load"], ignoreOrder: true);
        module.Imports.ShouldAllBe(import => import.Module == "wasi_snapshot_preview1");
    }

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("needs", "clang")]
    [Trait("speed", "slow")]
    public Task Rebuild_MatchesCommittedWasm(string name) => BuildScript.CheckAsync(Path.Combine(SampleFolder.Root, "build"), $"models/{name}");
}
