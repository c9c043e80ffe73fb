using Stoa.Market.Builds;
using Stoa.Market.Calls;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;
using Stoa.Wasm;

namespace Stoa.Market.Tests.Samples;

/// <summary>Lets a sample call those others that its manifest names.</summary>
internal sealed class SampleCalls : IDisposable
{
    private static readonly Engine s_engine = new(new EngineOptions { Features = AgentFeatures.Admitted });

    private readonly GuestThreads _threads = new(1);

    public SampleCalls(string sample, CancellationToken cancellationToken)
    {
        // All of it is on this disk: nothing is waited for.
        var tree = CallTree.ReadAsync(Read(sample), (caller, index) => Task.FromResult(Find(caller.Manifest.Uses[index].Agent))).GetAwaiter().GetResult();
        var programs = CallablePrograms.LoadAsync(tree, called => Task.FromResult(s_engine.Compile(ProgramOf(called.Manifest)))).GetAwaiter().GetResult();
        Desk = new TaskCalls(programs, new AgentSandbox(TimeProvider.System), _threads, isTimed: true, cancellationToken).DeskOf(seed: 1, clockMs: 0)
            ?? (ICallDesk)ClosedCallDesk.WithoutNode;
    }

    public ICallDesk Desk { get; }

    public void Dispose() => _threads.Dispose();

    private static AgentVersion Find(ListingName name)
    {
        var found = Read(name.Name);
        found.Listing.ShouldBe(name, "samples name each other as they are now");
        return found;
    }

    private static AgentVersion Read(string sample)
    {
        var manifest = ManifestReader.Read(File.ReadAllBytes(SampleFolder.File(sample, "agent.json"))).Value;
        var program = ProgramOf(manifest);
        return new AgentVersion(
            TaskSamples.Ids.Next<AgentVersion>(), TaskSamples.Ids.Next<User>(), "stoa", manifest, ContentHash.Of("artifact"u8), ContentHash.Of(program), program.Length, TaskSamples.Now);
    }

    private static byte[] ProgramOf(AgentManifest manifest) => File.ReadAllBytes(SampleFolder.File(manifest.Name, manifest.Program));
}
