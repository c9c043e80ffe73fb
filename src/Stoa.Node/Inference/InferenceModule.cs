using Stoa.Node.Hosting;

namespace Stoa.Node.Inference;

/// <summary>Wires requests to models into the node.</summary>
public static class InferenceModule
{
    public static void AddInference(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Inference", new InferenceOptions(), options => options.Validate());
        builder.Services.AddInferenceMoney();
    }
}
